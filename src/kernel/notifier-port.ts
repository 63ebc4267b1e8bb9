// Where the kernel calls the host: the methods of a notifier, which a kernel with CONFIG_MMU_NOTIFIER imports. Every
// CPU has a port of its own; who runs clients (src/notifier/host.ts) puts the methods in.

/** What the kernel asks of the client of a notifier: its address, and the number of the client. */
export interface NotifierMethods {
  invalidatePage(notifier: number, client: number, address: number): void;
  rangeStart(notifier: number, client: number, start: number, end: number): void;
  rangeEnd(notifier: number, client: number, start: number, end: number): void;
  /** 1 if the page was used. */
  clearFlushYoung(notifier: number, client: number, address: number): number;
  release(notifier: number, client: number): void;
  /** The address space has gone: what its process has left open is closed. */
  close(mm: number): void;
}

/** Runs host code in the middle of a kernel call: an engine may want to know. */
export type HostCall = <T>(body: () => T) => T;

const directly: HostCall = (body) => body();

/** See the head of the file. */
export class NotifierPort {
  methods: NotifierMethods | undefined;

  /** What a kernel imports; a kernel without notifiers asks for none of it. */
  imports(call: HostCall = directly): WebAssembly.ModuleImports {
    const methods = (): NotifierMethods => {
      if (this.methods === undefined) throw new Error("this CPU has no notifier clients");
      return this.methods;
    };
    return {
      invalidate_page: (notifier: number, client: number, address: number): void => {
        call(() => {
          methods().invalidatePage(notifier, client, address);
        });
      },
      invalidate_range_start: (n: number, client: number, start: number, end: number): void => {
        call(() => {
          methods().rangeStart(n, client, start, end);
        });
      },
      invalidate_range_end: (n: number, client: number, start: number, end: number): void => {
        call(() => {
          methods().rangeEnd(n, client, start, end);
        });
      },
      clear_flush_young: (notifier: number, client: number, address: number): number =>
        call(() => methods().clearFlushYoung(notifier, client, address)),
      release: (notifier: number, client: number): void => {
        call(() => {
          methods().release(notifier, client);
        });
      },
    };
  }
}
