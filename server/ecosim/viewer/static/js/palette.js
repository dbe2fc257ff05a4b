// Who looks like what. The shape tells the class, the colour the species within it; hues of a class
// belong together. Colours that share a shape stay apart for the three kinds of colour blindness, and every colour
// has a contrast of 3 to 1 with the ground of its theme (a test computes both).

/** Colours by class as [light theme, dark theme], in the order in which species get them. */
export const COLOURS = {
  PLANT: [["#2a5c28", "#a6fdac"], ["#773b7e", "#f582f7"], ["#907124", "#a88834"]],
  TREE: [["#03501c", "#439e5e"], ["#767c12", "#e2e674"], ["#3f5bae", "#56d1e7"]],
  ANIMAL: [["#c15903", "#fdc384"], ["#723503", "#f15f0d"], ["#6e787e", "#babdc3"], ["#9f2c4c", "#c87989"]],
  BIRD: [["#314abe", "#89bbfb"], ["#107eb2", "#3a95b8"], ["#54347d", "#9d79fe"]],
  INSECT: [["#7a5a00", "#d2a211"], ["#454646", "#e0e4e5"], ["#b94c71", "#f25797"]],
  MICROORGANISM: [["#885ad8", "#ac76ec"], ["#965d05", "#f49559"], ["#205e8d", "#7fccf6"]],
  OTHER: [["#353339", "#c7c6d2"], ["#724c00", "#c4863a"], ["#306fc3", "#5693ee"]],
};

/**
 * Shape and radius (world units at a cell size of 1) of each class, who is drawn above whom, and
 * the dashes of its lines in a chart, which tell the class where colours fail.
 */
export const CLASSES = {
  PLANT: { shape: "square", radius: 0.21, order: 0, dash: [], label: "plant" },
  MICROORGANISM: { shape: "plus", radius: 0.29, order: 1, dash: [2, 3], label: "microorganism" },
  TREE: { shape: "hexagon", radius: 0.72, order: 2, dash: [12, 3], label: "tree" },
  OTHER: { shape: "cross", radius: 0.3, order: 3, dash: [1, 4], label: "other" },
  INSECT: { shape: "diamond", radius: 0.26, order: 4, dash: [6, 3], label: "insect" },
  ANIMAL: { shape: "circle", radius: 0.36, order: 5, dash: [], label: "animal" },
  BIRD: { shape: "triangle", radius: 0.38, order: 6, dash: [10, 3, 2, 3], label: "bird" },
};

/** The class under which something is drawn. */
export const classOf = (name) => (Object.hasOwn(CLASSES, name) ? name : "OTHER");

/**
 * Return how the species with this place among those of its class looks.
 *
 * After the last colour they start again, hollow and with a thinner line.
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

/** Colours of lines that belong to no species, as [light, dark]. */
export const LINES = [
  ["#14675a", "#6cc9b6"], ["#b3541e", "#ffab73"], ["#3d5fb8", "#93b1ff"], ["#a3327f", "#f096d2"],
  ["#7a6a00", "#e6d466"], ["#5c5f66", "#c9ced6"], ["#2d86b3", "#8fd3f5"], ["#6a3fa0", "#c3a2f0"],
];

/** Two ends of the wash of a layer, by theme. */
export const WASHES = {
  moisture: { light: ["#f7f6f0", "#c3d9ea"], dark: ["#141a17", "#1f4261"] },
  temperature: { light: ["#f7f6f0", "#f3d6c3"], dark: ["#141a17", "#4f2c1d"] },
  organic_matter: { light: ["#f7f6f0", "#ded2c1"], dark: ["#141a17", "#43372a"] },
};

/** The ends for layers without colours of their own. */
export const ANY_WASH = { light: ["#f7f6f0", "#d8d1ea"], dark: ["#141a17", "#372f55"] };
