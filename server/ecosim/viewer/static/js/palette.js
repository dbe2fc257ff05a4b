// Who looks like what. The shape tells the class, the colour the species within it; hues of a class
// belong together. Colours that share a shape stay apart for the three kinds of colour blindness, and every colour
// has a contrast of 3 to 1 with the ground of its theme (a test computes both).

/** Colours by class as [light theme, dark theme], in the order in which species get them. */
export const COLOURS = {
  PLANT: [["#4d8b31", "#8fce6b"], ["#b0489f", "#f0a3e0"], ["#0d6f78", "#3fb8c4"], ["#8a7400", "#efe08a"]],
  TREE: [["#1d5c3a", "#4fa877"], ["#7d8f1a", "#d3e07a"], ["#3f8f8a", "#9be3dc"]],
  ANIMAL: [["#8a4b1c", "#c98a55"], ["#d9541e", "#ff9e66"], ["#5c5f66", "#dfe3ea"], ["#a3123f", "#f0608c"]],
  BIRD: [["#1f3f9c", "#6f92f2"], ["#2e8fc4", "#a5def8"], ["#5b2a86", "#b98be8"]],
  INSECT: [["#a87900", "#ffd24a"], ["#3b3b3b", "#c4c4c4"], ["#c2387a", "#ff8fc0"], ["#2d7f5e", "#6fdcb1"]],
  MICROORGANISM: [["#7a4fb5", "#c3a6f2"], ["#94592f", "#dcae87"], ["#3d7a99", "#8ccbe6"]],
  OTHER: [["#5a665f", "#b4c0b8"], ["#8a5a00", "#e3b45c"], ["#31688e", "#85bfe6"]],
};

/** Shape and radius (world units at a cell size of 1) of each class, and who is drawn above whom. */
export const CLASSES = {
  PLANT: { shape: "square", radius: 0.26, order: 0, label: "plant" },
  MICROORGANISM: { shape: "plus", radius: 0.34, order: 1, label: "microorganism" },
  TREE: { shape: "hexagon", radius: 0.85, order: 2, label: "tree" },
  OTHER: { shape: "cross", radius: 0.36, order: 3, label: "other" },
  INSECT: { shape: "diamond", radius: 0.32, order: 4, label: "insect" },
  ANIMAL: { shape: "circle", radius: 0.44, order: 5, label: "animal" },
  BIRD: { shape: "triangle", radius: 0.46, order: 6, label: "bird" },
};

/** The class under which something is drawn. */
export const classOf = (name) => (Object.hasOwn(CLASSES, name) ? name : "OTHER");

/**
 * Return how the species with this place among those of its class looks.
 *
 * After the last colour they start again, hollow and with a dashed line.
 */
export function look(className, place) {
  const name = classOf(className);
  const colours = COLOURS[name];
  return {
    ...CLASSES[name],
    colours: { light: colours[place % colours.length][0], dark: colours[place % colours.length][1] },
    round: Math.floor(place / colours.length),
  };
}

/** Dashes of a chart's line: solid at first, then one pattern for each further round. */
export const dashes = (round) => [[], [7, 4], [2, 3], [9, 3, 2, 3]][round % 4];

/** Colours of lines that belong to no species, as [light, dark]. */
export const LINES = [
  ["#14675a", "#6cc9b6"], ["#b3541e", "#ffab73"], ["#3d5fb8", "#93b1ff"], ["#a3327f", "#f096d2"],
  ["#7a6a00", "#e6d466"], ["#5c5f66", "#c9ced6"], ["#2d86b3", "#8fd3f5"], ["#6a3fa0", "#c3a2f0"],
];

/** Two ends of the wash of a layer, by theme. */
export const WASHES = {
  moisture: { light: ["#f7f6f0", "#7fb2dc"], dark: ["#141a17", "#24567f"] },
  temperature: { light: ["#f7f6f0", "#e8a27c"], dark: ["#141a17", "#7c3d22"] },
  organic_matter: { light: ["#f7f6f0", "#b59a7a"], dark: ["#141a17", "#5e4931"] },
};

/** The ends for layers without colours of their own. */
export const ANY_WASH = { light: ["#f7f6f0", "#b3a5d6"], dark: ["#141a17", "#4a3d73"] };
