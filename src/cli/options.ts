// Option values from their text, in one style: a wrong one is a ConfigError that names the option
// and what it takes.

import { Option } from "commander";
import { ConfigError } from "../kernel/error.ts";

/** --disk of the commands that stress. */
export const diskOption = (): Option =>
  new Option("--disk <size>", "disk, half of it swap; 0: nothing is reclaimed").default("32M");

/** A parser for a whole number from `least` to `most`. */
export function wholeNumber(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    throw new ConfigError(`${option} takes a whole number from ${least} to ${most}, not "${text}"`);
  };
}

/** A parser for a number above `above`, at most `most`. */
export function positiveNumber(option: string, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value > 0 && value <= most) return value;
    throw new ConfigError(`${option} takes a number above 0, at most ${most}, not "${text}"`);
  };
}

/** A parser for a list separated by commas; each part once, in the order given. */
export function listOf<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => [...new Set(text.split(",").map((part) => parse(part.trim())))];
}

/** A parser for one of some words. */
export function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new ConfigError(`${option} takes ${words.join(", ")}, not "${text}"`);
  };
}

/** Refuses options that exclude each other. */
export function atMostOne(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  if (names.length > 1) {
    throw new ConfigError(`${names.join(" and ")} exclude each other: give one of them`);
  }
}
