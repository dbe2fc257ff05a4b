const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** A count: 12,345. */
export const count = (value) => (Number.isFinite(value) ? whole.format(value) : "–");

/** A measured value with three significant digits; a dash where there is none. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 1000 ? whole.format(value) : short.format(value);
}

/** A value between 0 and 1 with two decimals. */
export const fraction = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");

/** A value for an axis: 1.2K. */
export const tickLabel = (value) => (value === null ? "" : compact.format(value));

/** A share, given as a fraction, in percent. */
export const percent = (value) =>
  Number.isFinite(value) ? `${short.format(value * 100)} %` : "–";

/** A name as people write it: reproductive_drive becomes reproductive drive. */
export const words = (name) => String(name).replace(/(?<=[a-z0-9])_(?=[a-z0-9])/gi, " ");

/** The name of a world, of which the server may know the path: its last part. */
export const worldName = (world) => String(world).split(/[\\/]/).at(-1) || String(world);

/** A name of an event type: DEATH_STARVE becomes death starve. */
export const eventWords = (type) => words(type).toLowerCase();
