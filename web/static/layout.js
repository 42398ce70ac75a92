// Where the steps of a job are drawn: in layers, along the longest path, with as few crossings as some sweeps find. Pure.
// Why so, and why not by a library: docs/decisions/0107-the-graph-is-laid-out-by-ourselves.md

const SWEEPS = 6;
const LINE = 10; // what a line takes that passes through a layer

// tasks: [{name, needs}], each after what it needs. size: {main, cross, gapMain, gapCross}, main being the direction in which they follow.
// → {layers: how many stand in each, nodes: Map name → {main, cross} of the upper left corner,
//    edges: [{from, to, points: [[main, cross], …]}], main, cross: how large it all is}
export function layout(tasks, size) {
  const layerOf = layersOf(tasks);
  const count = Math.max(...layerOf.values()) + 1;
  const layers = Array.from({ length: count }, () => []);
  const cells = new Map();
  const cell = (key, layer, extent) => {
    const made = { key, layer, extent, before: [], after: [], centre: 0 };
    cells.set(key, made);
    layers[layer].push(made);
    return made;
  };
  for (const task of tasks) cell(task.name, layerOf.get(task.name), size.cross);
  const edges = [];
  for (const [from, to] of reduced(tasks)) {
    const chain = [cells.get(from)];
    for (let layer = layerOf.get(from) + 1; layer < layerOf.get(to); layer += 1) chain.push(cell(`${from}>${to}>${layer}`, layer, LINE));
    chain.push(cells.get(to));
    for (let n = 1; n < chain.length; n += 1) {
      chain[n - 1].after.push(chain[n]);
      chain[n].before.push(chain[n - 1]);
    }
    edges.push({ from, to, chain });
  }
  order(layers);
  place(layers, size.gapCross);

  const low = Math.min(...[...cells.values()].map((one) => one.centre - one.extent / 2));
  const step = size.main + size.gapMain;
  const nodes = new Map(tasks.map(({ name }) => {
    const { layer, centre } = cells.get(name);
    return [name, { main: layer * step, cross: centre - size.cross / 2 - low }];
  }));
  return {
    layers: layers.map((layer) => layer.length),
    nodes,
    edges: edges.map(({ from, to, chain }) => ({ from, to, points: pointsOf(chain, size, step, low) })),
    main: (count - 1) * step + size.main,
    cross: Math.max(...[...cells.values()].map((one) => one.centre + one.extent / 2)) - low,
  };
}

// How many layers there are, before anything is placed.
export const depth = (tasks) => Math.max(...layersOf(tasks).values()) + 1;

function layersOf(tasks) {
  const layers = new Map();
  for (const { name, needs } of tasks) layers.set(name, Math.max(-1, ...needs.map((need) => layers.get(need) ?? -1)) + 1);
  return layers;
}

// What a step needs of those that it needs already says nothing new: such lines are left out.
export function reduced(tasks) {
  const upstream = new Map();
  const kept = [];
  for (const { name, needs } of tasks) {
    const beyond = new Set(needs.flatMap((need) => [...upstream.get(need) ?? []]));
    upstream.set(name, new Set([...needs, ...beyond]));
    for (const need of new Set(needs)) if (!beyond.has(need) && upstream.has(need)) kept.push([need, name]);
  }
  return kept;
}

// Barycentres, to and fro (Sugiyama, Tagawa, Toda 1981); the best order that was seen stays.
function order(layers) {
  let best = null;
  for (let sweep = 0; sweep <= SWEEPS; sweep += 1) {
    const crossed = crossings(layers);
    if (!best || crossed < best.crossed) best = { crossed, layers: layers.map((layer) => [...layer]) };
    if (!crossed) break;
    const down = sweep % 2 === 0;
    for (const layer of down ? layers.slice(1) : layers.slice(0, -1).reverse()) {
      const side = down ? "before" : "after";
      const neighbours = layers[layer[0].layer + (down ? -1 : 1)];
      const at = new Map(neighbours.map((one, n) => [one, n]));
      const weight = new Map(layer.map((one, n) => [one, mean(one[side].map((other) => at.get(other))) ?? n]));
      layer.sort((one, other) => weight.get(one) - weight.get(other));
    }
  }
  best.layers.forEach((layer, n) => layers[n].splice(0, layer.length, ...layer));
}

function crossings(layers) {
  let count = 0;
  for (const [n, layer] of layers.slice(0, -1).entries()) {
    const at = new Map(layers[n + 1].map((one, place) => [one, place]));
    const ends = layer.flatMap((one) => one.after.map((other) => at.get(other)).sort((a, b) => a - b));
    for (let i = 0; i < ends.length; i += 1) for (let j = i + 1; j < ends.length; j += 1) if (ends[j] < ends[i]) count += 1;
  }
  return count;
}

// Each as near to the middle of its neighbours as those beside it allow.
function place(layers, gap) {
  for (const layer of layers) settle(layer, layer.map(() => 0), gap);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2 === 0 ? "before" : "after";
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      settle(layer, layer.map((one) => mean(one[side].map((other) => other.centre)) ?? one.centre), gap);
    }
  }
}

// The places nearest to those wished for, by least squares, that keep their order and distances: pool adjacent violators.
function settle(layer, wishes, gap) {
  const offsets = [0];
  for (let n = 1; n < layer.length; n += 1) offsets[n] = offsets[n - 1] + (layer[n - 1].extent + layer[n].extent) / 2 + gap;
  const blocks = [];
  wishes.forEach((wish, n) => {
    blocks.push({ sum: wish - offsets[n], count: 1 });
    while (blocks.length > 1 && blocks.at(-2).sum / blocks.at(-2).count >= blocks.at(-1).sum / blocks.at(-1).count) {
      const last = blocks.pop();
      blocks.at(-1).sum += last.sum;
      blocks.at(-1).count += last.count;
    }
  });
  let n = 0;
  for (const { sum, count } of blocks) for (const end = n + count; n < end; n += 1) layer[n].centre = sum / count + offsets[n];
}

function pointsOf(chain, size, step, low) {
  return chain.flatMap(({ layer, centre }, n) => {
    const [start, end, cross] = [layer * step, layer * step + size.main, centre - low];
    if (n === 0) return [[end, cross]];
    return n === chain.length - 1 ? [[start, cross]] : [[start, cross], [end, cross]];
  });
}

function mean(numbers) {
  return numbers.length ? numbers.reduce((sum, one) => sum + one, 0) / numbers.length : null;
}
