// Numbers and times, for people. Functions from values to text.

/** A time that passed: `480 ms`, `3.2 s`, `4 min 05 s`, `2 h 07 min`, `3 d 4 h`. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  const time = Math.max(0, ms);
  if (time < 1_000) return `${Math.round(time)} ms`;
  if (time < 9_950) return `${(time / 1_000).toFixed(1)} s`;
  const seconds = Math.round(time / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`;
}

/** A day and a time: `2026-03-01 14:05:09`, in the reader's own zone. */
export function moment(ms) {
  if (!ms) return "";
  const date = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clock(ms)}`;
}

/** The time of a day, `14:05:09`. */
export function clock(ms) {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** How long ago: `just now`, `12 s ago`, `3 h 04 min ago`. */
export function ago(ms, now) {
  const passed = now - ms;
  if (passed < 2_000) return "just now";
  const seconds = Math.round(passed / 1_000);
  return seconds < 60 ? `${seconds} s ago` : `${duration(seconds * 1_000)} ago`;
}

/** `12,345`. */
export const number = (value) => Number(value).toLocaleString("en-GB");

/** `1 call`, `2,000 calls`. */
export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;
