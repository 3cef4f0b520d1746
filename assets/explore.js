// One figure that moves: sliders, a drawing and a sentence, all from the description in the JSON before this script.
(async root => {
  const spec = JSON.parse(root.querySelector("script").textContent);
  const bytes = Uint8Array.from(atob(spec.wasm), letter => letter.charCodeAt(0));
  const env = {__linear_memory: new WebAssembly.Memory({initial: 0})};
  for (const name of Object.getOwnPropertyNames(Math)) env[name] = Math[name];
  const kernels = (await WebAssembly.instantiate(bytes, {env})).instance.exports;

  const add = (parent, name, attributes = {}, text = "") => {
    const html = parent instanceof HTMLElement && name !== "svg";
    const made = html ? document.createElement(name) : document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    made.textContent = text;
    return parent.appendChild(made);
  };
  const minus = text => text.replace(/-(?=\d)/g, "\u2212");
  const rounded = (value, digits) => digits ? value.toFixed(digits).replace(/^-(?=[0.]+$)/, "") : String(value);
  const written = (text, value) => Number.isFinite(value) ?
    minus(text.replace(/\{(\d?)\}/, (_, digits) => rounded(value, digits)).replace(" %", "\u00a0%")) : "no number";
  const pen = line => ({stroke: line.color === "#000000" ? "currentColor" : line.color, "stroke-width": line.linewidth || 2, fill: "none",
    "stroke-dasharray": Array.isArray(line.linestyle) ? line.linestyle[1].map(part => 2 * part).join(" ") : "none"});

  const parts = root.querySelector(".explore-parts");
  parts.replaceChildren();  // a page that was saved as it stood holds them already
  add(parts, "p", {class: "explore-title"}, spec.title);
  const sliders = spec.sliders.map((slider, k) => {
    const row = add(parts, "div", {class: "explore-slider"}), id = `explore-${spec.static}-${k}`;
    add(row, "label", {for: id}, slider.label);
    const input = add(row, "input", {id, type: "range", min: 0, max: slider.places.length - 1, step: 1});
    input.value = slider.places.indexOf(slider.start);
    input.addEventListener("input", draw);
    return {...slider, input, shown: add(row, "span")};
  });
  const legend = add(parts, "p", {class: "explore-legend", "aria-hidden": true});
  for (const line of spec.lines.filter(line => line.role)) {
    const entry = add(legend, "span"), sample = add(entry, "svg", {width: 34, height: 10});
    add(sample, "line", {x1: 0, x2: 34, y1: 5, y2: 5, ...pen(line)});
    entry.append(line.label);
  }
  const drawing = add(parts, "svg", {role: "img", "aria-label": `${spec.title}. The sentence below says what it shows at the sliders.`});
  const sentence = add(parts, "p", {class: "explore-reading", "aria-live": "polite"});

  function draw() {
    const at = sliders.map(slider => slider.places[slider.input.value]);
    const value = (line, x) => kernels[line.kernel](x, ...at.slice(1));
    sliders.forEach((slider, k) => {
      slider.shown.textContent = written(slider.text, at[k]);
      slider.input.setAttribute("aria-valuetext", slider.shown.textContent);
    });
    const named = Object.fromEntries(spec.lines.map(line => [line.kernel, written(line.text, value(line, at[0]))]));
    sentence.textContent = spec.reading.replace(/\[(\w+)\]/g, (_, key) => named[key] ?? sliders[key].shown.textContent) +
      (Object.values(named).includes("no number") ? ` ${spec.none}` : "");

    const width = Math.max(280, root.clientWidth), height = Math.min(380, Math.max(260, 0.5 * width));
    const [left, right, top, bottom] = [52, width - 14, 26, height - 44];
    const unit = spec.y.scale === undefined ? 1 : at[spec.y.scale], ticks = spec.y.ticks.map(tick => tick * unit);
    const measure = spec.x.log ? Math.log : x => x, ends = [sliders[0].places[0], sliders[0].places.at(-1)].map(measure);
    const across = x => left + (right - left) * (measure(x) - ends[0]) / (ends[1] - ends[0]);
    const up = y => bottom - (bottom - top) * (y - ticks[0]) / (ticks.at(-1) - ticks[0]);
    drawing.replaceChildren();
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    for (const tick of ticks) {
      add(drawing, "line", {class: tick ? "grid" : "grid zero", x1: left, x2: right, y1: up(tick), y2: up(tick)});
      add(drawing, "text", {x: left - 8, y: up(tick) + 4, "text-anchor": "end"}, minus(String(+tick.toPrecision(6))));
    }
    for (const tick of spec.x.ticks) {
      add(drawing, "line", {class: "grid", x1: across(tick), x2: across(tick), y1: top, y2: bottom});
      add(drawing, "text", {x: across(tick), y: bottom + 18, "text-anchor": "middle"}, tick);
    }
    add(drawing, "text", {x: left, y: 14}, spec.y.label);
    add(drawing, "text", {x: right, y: height - 6, "text-anchor": "end"}, spec.x.label);
    const area = add(drawing, "svg", {x: left, y: top, width: right - left, height: bottom - top, viewBox: `${left} ${top} ${right - left} ${bottom - top}`});
    add(area, "line", {class: "here", x1: across(at[0]), x2: across(at[0]), y1: top, y2: bottom});
    for (const line of spec.lines.filter(line => line.role)) {
      const points = sliders[0].places.map(x => [across(x), up(value(line, x))]).filter(point => Number.isFinite(point[1]));
      add(area, "polyline", {...pen(line), points: points.join(" ")});
      const here = up(value(line, at[0]));
      if (Number.isFinite(here)) add(area, "circle", {cx: across(at[0]), cy: here, r: 4, fill: pen(line).stroke});
    }
  }
  root.classList.add("moves");
  new ResizeObserver(draw).observe(root);
})(document.currentScript.parentElement);
