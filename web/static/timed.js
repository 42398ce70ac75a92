// When each word of a text is said. Pure: no page.

// → [{text, start, end, low}] in the order of `text`, each with the white space before it in `gap`; null where no times are known.
// The words that were heard give the times; a text that was mended has others, which share the time between those it kept.
export function timed(text, words) {
  const said = text.trim();
  if (!words?.length || !said) return null;
  if (words.map((one) => one.word).join("").trim() === said) { // they bring their white space along, or the script has none
    return words.map((one, n) => ({ ...one, text: one.word.trim(), gap: n ? /^\s*/.exec(one.word)[0] : "" }));
  }
  const parts = said.split(/\s+/).map((part, n) => ({ text: part, gap: n ? " " : "" }));
  const heard = kept(parts.map((part) => bare(part.text)), words.map((one) => bare(one.word)));
  for (const [n, m] of heard) Object.assign(parts[n], { start: words[m].start, end: words[m].end, low: words[m].low });
  share(parts, words[0].start, words.at(-1).end);
  return parts;
}

const bare = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

// The longest run of words that both have in this order → [[place in a, place in b], …]
function kept(a, b) {
  const wide = b.length + 1;
  const best = new Uint16Array((a.length + 1) * wide);
  for (let n = a.length - 1; n >= 0; n -= 1) {
    for (let m = b.length - 1; m >= 0; m -= 1) {
      best[n * wide + m] = a[n] === b[m] ? best[(n + 1) * wide + m + 1] + 1 : Math.max(best[(n + 1) * wide + m], best[n * wide + m + 1]);
    }
  }
  const pairs = [];
  for (let n = 0, m = 0; n < a.length && m < b.length;) {
    if (a[n] === b[m]) pairs.push([n++, m++]);
    else if (best[(n + 1) * wide + m] >= best[n * wide + m + 1]) n += 1;
    else m += 1;
  }
  return pairs;
}

// Give parts without times a share of what lies between their neighbours, by their length.
function share(parts, first, last) {
  for (let n = 0; n < parts.length;) {
    if (parts[n].start !== undefined) { n += 1; continue; }
    let end = n;
    while (end < parts.length && parts[end].start === undefined) end += 1;
    const since = n ? parts[n - 1].end : first;
    const until = Math.max(since, end < parts.length ? parts[end].start : last);
    const total = parts.slice(n, end).reduce((sum, part) => sum + part.text.length, 0);
    for (let at = since; n < end; n += 1) {
      parts[n].start = at;
      at += (until - since) * parts[n].text.length / total;
      parts[n].end = at;
    }
  }
}

// The last of ascending `starts` that is not after `seconds`; -1 where all are.
export function lastBefore(starts, seconds) {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= seconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
