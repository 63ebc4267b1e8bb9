// How a timeline looks; colours are those of every report page (page.ts).

/** Style rules for a page with timelines. */
export const TIMELINE_CSS = `
main { max-width: 1440px; }
.cpu-0 { --cpu: var(--series-0); } .cpu-1 { --cpu: var(--series-1); }
.cpu-2 { --cpu: var(--series-2); } .cpu-3 { --cpu: var(--series-3); }
.cpu-4 { --cpu: var(--series-4); } .cpu-5 { --cpu: var(--series-5); }
.verdict {
  margin: 16px 0; padding: 12px 16px; border-radius: 8px; border-left: 5px solid var(--series-2);
  background: color-mix(in srgb, var(--series-2) 10%, var(--page));
}
.verdict.broken {
  border-color: var(--broken); background: color-mix(in srgb, var(--broken) 10%, var(--page));
}
:root { --broken: #c92a2a; }
@media (prefers-color-scheme: dark) { :root { --broken: #ff7b7b; } }
.verdict strong { display: block; font-size: 1.05rem; }
.verdict p { margin: 2px 0 0; max-width: none; }
button {
  font: inherit; font-size: 0.85rem; color: inherit; background: var(--raised); padding: 3px 12px;
  border: 1px solid var(--line); border-radius: 6px; cursor: pointer;
}
button:hover { border-color: var(--muted); }
:focus-visible { outline: 2px solid var(--series-0); outline-offset: 1px; }
.copyable { position: relative; margin: 8px 0; background: var(--raised); border-radius: 8px; }
.copyable > :first-child {
  display: block; overflow-x: auto; white-space: pre; margin: 0; padding: 10px 90px 10px 14px;
  font: 0.82rem/1.45 ui-monospace, monospace;
}
.copyable button { position: absolute; top: 6px; right: 8px; background: var(--page); }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; margin: 12px 0 8px; }
.buttons { display: flex; gap: 4px; }
.buttons [data-part="play"] { min-width: 4.5em; }
.controls [type="range"] { flex: 1 1 160px; min-width: 120px; accent-color: var(--series-0); }
.controls output { font-size: 0.9rem; font-variant-numeric: tabular-nums; min-width: 13.5em; }
.controls label { font-size: 0.9rem; }
.panes {
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(300px, 390px); gap: 16px;
  height: min(78vh, 840px);
}
.pane, .state { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.pane { display: flex; flex-direction: column; min-height: 0; }
.steps, .state { overflow-y: auto; scrollbar-gutter: stable; min-height: 0; }
.steps { flex: 1; }
.heads, .steps li {
  display: grid; grid-template-columns: 3.6rem repeat(var(--cpus), minmax(0, 1fr)); column-gap: 6px;
}
.heads {
  padding: 6px 0; border-bottom: 1px solid var(--line); background: var(--raised);
  font-size: 0.85rem; font-weight: 600; scrollbar-gutter: stable; overflow: hidden;
}
.heads > :first-child { color: var(--muted); font-weight: 400; padding-left: 10px; }
.heads > [class] { color: var(--cpu); padding-left: 9px; }
.steps { list-style: none; margin: 0; padding: 0; font: 0.8rem/1.5 ui-monospace, monospace; }
.steps li { cursor: pointer; }
.steps .number { color: var(--muted); text-align: right; padding-right: 8px; align-self: end; }
.steps .turn { border-top: 1px solid var(--line); }
.steps .turn:first-child { border-top: 0; }
.cell {
  border-left: 3px solid var(--cpu); padding: 0 6px;
  background: color-mix(in srgb, var(--cpu) 6%, transparent);
}
.cell > * { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.function { color: var(--cpu); font-size: 0.72rem; line-height: 1.4; padding-top: 3px; }
.action { padding-left: 8px; }
.quiet { color: var(--muted); }
.quiet b { font-weight: 400; }
.steps li:hover .cell { background: color-mix(in srgb, var(--cpu) 14%, transparent); }
.steps [aria-current] .cell {
  background: color-mix(in srgb, var(--cpu) 26%, transparent); color: var(--text);
  border-radius: 0 4px 4px 0;
}
.steps [aria-current] .number { color: var(--text); font-weight: 700; }
.state { padding: 10px 12px; font-size: 0.82rem; background: var(--page); }
.state section { border: 0; margin: 0 0 10px; }
.state h4 { margin: 0 0 2px; font: 600 0.8rem/1.5 ui-monospace, monospace; }
.state .locks {
  position: sticky; top: -10px; z-index: 1; background: var(--page); margin-top: -10px; padding-top: 10px;
}
.locks { padding-bottom: 8px; border-bottom: 1px solid var(--line) !important; }
.locks h4 { font-family: inherit; color: var(--muted); font-weight: 400; }
.locks p { margin: 0; color: var(--muted); }
.holder { display: flex; flex-wrap: wrap; gap: 2px 6px; align-items: baseline; margin: 2px 0; }
.holder b { color: var(--cpu); min-width: 3.6em; }
.holder > span { color: var(--muted); }
.holder .lock {
  font: 0.74rem/1.5 ui-monospace, monospace; padding: 0 6px; border-radius: 4px; color: var(--text);
  background: color-mix(in srgb, var(--cpu) 16%, transparent);
}
.field {
  display: grid; grid-template-columns: minmax(0, 1fr) auto 6.2em; column-gap: 10px;
  padding: 0 6px; border-radius: 4px; font: 0.78rem/1.6 ui-monospace, monospace;
}
.field > :first-child { color: var(--muted); }
.field b { font-weight: 500; text-align: right; }
.field s { color: var(--muted); font-weight: 400; }
.field small { color: var(--cpu, var(--muted)); font-size: 0.7rem; align-self: center; white-space: nowrap; }
.field.changed { background: color-mix(in srgb, var(--series-5) 20%, transparent); }
.field.changed > :first-child, .field[aria-current] > :first-child { color: var(--text); }
.field[aria-current] { box-shadow: inset 3px 0 0 var(--series-5); }
details { margin: 8px 0; border: 1px solid var(--line); border-radius: 8px; padding: 0 14px; }
details[open] { padding-bottom: 14px; }
summary { cursor: pointer; padding: 8px 0; }
summary span { color: var(--muted); }
@media (max-width: 860px) {
  .panes { grid-template-columns: minmax(0, 1fr); height: auto; }
  .steps, .state { height: 48vh; }
  .steps { flex: none; }
}
`;
