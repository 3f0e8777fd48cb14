"use strict";
// What moves in a page of ecspan. Everything that is read is there without this script. Texts come from the data blocks and go
// into the page as text, never as markup. Times are BigInt where they are told, and milliseconds after the start where they are drawn.
{
  const SVG = "http://www.w3.org/2000/svg";
  const find = (root, selector) => root.querySelector(selector);
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...inside) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...inside);
    return element;
  };
  const draw = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    if (text) element.textContent = text;
    return element;
  };
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const percent = (part) => `${(part * 100).toFixed(4)}%`;

  // --- times

  const UNITS = [["d", 86400000], ["h", 3600000], ["min", 60000]];
  // So many digits of a second tell a time to the given precision in milliseconds.
  const digitsOf = (precision) => clamp(Math.ceil(3 - Math.log10(precision) - 1e-9), 0, 9);
  // `1 min 30.250 s`, to the given precision in milliseconds.
  const length = (exact, precision = 1) => {
    const digits = digitsOf(precision);
    // Rounded before it is split: 59.96 s are `1 min`, not `60.0 s`.
    const unit = precision < 60000 ? 1000 / 10 ** digits : 60000;
    const ms = Math.round(exact / unit) * unit;
    if (Math.abs(ms) < 1000) return `${ms.toFixed(Math.max(0, digits - 3))} ms`;
    const parts = [];
    let rest = Math.abs(ms);
    for (const [name, size] of UNITS) {
      if (rest >= size) parts.push(`${Math.floor(rest / size)} ${name}`);
      rest %= size;
    }
    if (rest > 0 || !parts.length) parts.push(`${(rest / 1000).toFixed(digits)} s`);
    return (ms < 0 ? "-" : "") + parts.join(" ");
  };
  const offset = (ms, precision) => (ms < 0 ? "" : "+") + length(ms, precision);
  const two = (number) => String(number).padStart(2, "0");
  // The calendar's time at the page's distance from UTC: as exact as it is, or to so many digits of a second.
  const calendar = (ns, east, digits) => {
    const unit = 10n ** BigInt(9 - (digits ?? 9));
    const local = ((ns + unit / 2n) / unit) * unit + BigInt(east) * 1000000000n;
    const date = new Date(Number(local / 1000000n));
    const minutes = Math.abs(Math.trunc(east / 60));
    const zone = `${east < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    const rest = String(local % 1000000000n).padStart(9, "0");
    const told = digits === undefined ? rest.replace(/000$/, "").replace(/000$/, "") : rest.slice(0, digits);
    return `${date.toISOString().slice(0, 19).replace("T", " ")}${told && "."}${told} ${zone}`;
  };

  // A text too long to be read, folded.
  const [READ, BEGINNING] = [1200, 400];
  const folded = (text) => {
    if (text.length <= READ) return text;
    const end = BEGINNING + (/[\ud800-\udbff]/.test(text[BEGINNING - 1]) ? 1 : 0);
    const more = make("span", { class: "quiet" }, `(all ${text.length} characters)`);
    return make("details", { class: "long" }, make("summary", {}, `${text.slice(0, end)}… `, more), make("p", {}, text.slice(end)));
  };

  const copy = async (text, button) => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Not every browser lets a file write to the clipboard.
      const field = make("textarea", { class: "spoken", "aria-hidden": "true" });
      field.value = text;
      document.body.append(field);
      field.select();
      done = document.execCommand("copy");
      field.remove();
      button.focus();
    }
    const label = button.textContent;
    button.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  };

  // --- the axis: which part of the picture is seen

  class Axis {
    constructor(view) {
      this.zero = BigInt(view.zero);
      this.east = view.east;
      this.ms = (ns) => Number(BigInt(ns) - this.zero) / 1e6;
      this.folded = view.knots.map(([ns, place]) => [this.ms(ns), place]);
      this.middle = view.middle && view.middle.map(this.ms);
      this.knots = this.folded;
      // What is told of a place between times is no finer than the times are.
      const times = [...(view.bars ?? []), ...(view.lines ?? []).map(([ns]) => [ns])].flatMap((bar) => bar ?? []);
      this.finest = times.some((ns) => !ns.endsWith("000000")) ? 1e-6 : 1;
      this.listeners = [];
      this.from = 0;
      this.to = 1;
    }
    get end() { return this.knots.at(-1)[0]; }
    isFolded() { return this.middle && this.knots === this.folded; }
    fold(folded) {
      const [from, to] = [this.from, this.to].map((place) => this.time(place));
      this.knots = folded ? this.folded : [this.folded[0], this.folded.at(-1)];
      this.show(...(this.isAll() ? [0, 1] : [from, to].map((ms) => this.place(ms))));
    }
    isAll() { return this.from === 0 && this.to === 1; }
    between(value, one, other) {
      let [last, ...rest] = this.knots;
      for (const knot of rest) {
        if (value < knot[one] || knot === rest.at(-1)) {
          const share = knot[one] === last[one] ? 0 : (value - last[one]) / (knot[one] - last[one]);
          return last[other] + clamp(share, 0, 1) * (knot[other] - last[other]);
        }
        last = knot;
      }
      return last[other];
    }
    place(ms) { return this.between(ms, 0, 1); }
    time(place) { return this.between(place, 1, 0); }
    // Where in what is seen, 0 … 1.
    x(ms) { return (this.place(ms) - this.from) / (this.to - this.from); }
    at(x) { return this.time(this.from + x * (this.to - this.from)); }
    show(from, to) {
      const width = clamp(to - from, 1e-9, 1);
      this.from = clamp(from, 0, 1 - width);
      this.to = this.from + width;
      if (this.to > 1 - 1e-12) this.to = 1;
      this.tell();
    }
    zoom(factor, x = 0.5) {
      const width = this.to - this.from;
      const point = this.from + x * width;
      this.show(point - x * width * factor, point + (1 - x) * width * factor);
    }
    move(part) {
      const by = part * (this.to - this.from);
      this.show(this.from + by, this.to + by);
    }
    // Gives what ends it.
    listen(listener) {
      this.listeners.push(listener);
      return () => { this.listeners = this.listeners.filter((one) => one !== listener); };
    }
    tell() { this.listeners.forEach((listener) => listener()); }
    ns(ms) { return this.zero + BigInt(Math.round(ms * 1e6)); }
  }

  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 1800000, 3600000, 7200000, 21600000, 43200000, 86400000];
  const step = (least) => {
    if (least < 1) return 10 ** Math.ceil(Math.log10(least));
    return STEPS.find((one) => one >= least) ?? Math.ceil(least / 86400000) * 86400000;
  };

  // Pixels from a label of the axis to the next one.
  const LABEL = 95;
  const roomOf = (text) => text.length * 7.2 + 14;

  // --- the timeline

  // `fill` makes what draws the rows, of a function that puts a bar into its place.
  const timeline = (article, axis, fill) => {
    const chart = find(article, ".chart");
    if (!chart) return null;
    const [scale, ticks, over, rows] = [".scale", ".ticks", ".over", ".rows"].map((selector) => find(chart, selector));
    const tools = find(chart.parentElement, ".tools");
    const told = find(tools, "output:last-of-type");
    const cursor = over.appendChild(draw("line", { class: "cursor", y1: 0, y2: "100%", visibility: "hidden" }));
    const chosen = over.appendChild(draw("rect", { class: "chosen", y: 0, height: "100%", visibility: "hidden" }));
    const shownLines = over.appendChild(draw("rect", { class: "window", y: 0, height: "100%", visibility: "hidden" }));
    const grid = over.insertBefore(draw("g", { class: "grid" }), over.firstChild);
    const broken = find(over, ".broken");
    const width = () => scale.clientWidth || 1;
    tools.hidden = false;

    const stretch = (rect, from, to) => {
      const [left, right] = [axis.x(from), axis.x(to)].map((x) => clamp(x, -0.01, 1.01));
      const isSeen = right >= 0 && left <= 1;
      // However short, it can be seen, also at the end of the scale.
      const least = 1.5 / width();
      const isAtEnd = left <= 1 && left > 1 - least;
      rect.setAttribute("visibility", isSeen ? "visible" : "hidden");
      rect.setAttribute("x", percent(isAtEnd ? 1 - least : left));
      rect.setAttribute("width", percent(Math.max(right - left, least)));
    };
    const label = (ms, x, precision) => {
      const text = ticks.appendChild(draw("text", { class: x < 0.02 ? "tick first" : "tick", x: percent(x), y: 13 }, ms === 0 ? "0" : length(ms, precision)));
      grid.append(draw("line", { x1: percent(x), x2: percent(x), y1: 0, y2: "100%" }));
      return text;
    };
    const drawTicks = () => {
      ticks.replaceChildren();
      grid.replaceChildren();
      let free = -1;
      for (let at = 1; at < axis.knots.length; at++) {
        const [[from], [to]] = [axis.knots[at - 1], axis.knots[at]];
        const [left, right] = [Math.max(0, axis.x(from)), Math.min(1, axis.x(to))];
        if (right <= left) continue;
        if (axis.isFolded() && from === axis.middle[0] && to === axis.middle[1]) {
          const x = (left + right) / 2;
          ticks.append(draw("text", { class: "middle", x: percent(x), y: 13 }, `╱╱ ${length(to - from, 1000)} ╱╱`));
          free = Math.max(right, x + 105 / width());
          continue;
        }
        const [start, end] = [axis.at(left), axis.at(right)];
        const stepOf = (room) => step((end - start) / Math.max(1, ((right - left) * width()) / room));
        // The finer the step, the longer the labels.
        const close = stepOf(LABEL);
        const by = stepOf(Math.max(LABEL, ...[start, end].map((ms) => roomOf(length(Math.ceil(ms / close) * close, close)))));
        for (let ms = Math.ceil(start / by - 1e-9) * by; ms <= end + by * 1e-9; ms += by) {
          const x = axis.x(ms);
          const next = axis.isFolded() && to === axis.middle[0] ? axis.x(axis.middle[0]) - 30 / width() : 0.985;
          if (x >= free && (x <= next || x === 0)) {
            const text = label(ms, clamp(x, 0, 1), by).textContent;
            free = x + Math.max(80, roomOf(text)) / width();
          }
        }
      }
    };
    const drawRows = fill(rows, stretch, width);
    const events = all(over, "line.event").map((line) => [line, axis.ms(line.dataset.ns)]);
    let isPending = false;
    const redraw = () => {
      isPending = false;
      for (const [line, ms] of events) ["x1", "x2"].forEach((name) => line.setAttribute(name, percent(axis.x(ms))));
      if (broken) {
        stretch(broken, ...axis.middle);
        if (!axis.isFolded()) broken.setAttribute("visibility", "hidden");
      }
      drawTicks();
      drawRows();
    };
    axis.listen(() => {
      if (!isPending) requestAnimationFrame(redraw);
      isPending = true;
      told.textContent = axis.isAll() ? "" : `${offset(axis.at(0), 1)} … ${offset(axis.at(1), 1)}`;
    });
    new ResizeObserver(() => { if (!isPending) requestAnimationFrame(redraw); isPending = true; }).observe(scale);

    const actions = {
      in: () => axis.zoom(0.5), out: () => axis.zoom(2), left: () => axis.move(-0.25), right: () => axis.move(0.25),
      all: () => axis.show(0, 1),
      unfold: () => {
        const button = find(tools, "[data-do=unfold]");
        if (!button) return;
        axis.fold(!axis.isFolded());
        button.setAttribute("aria-pressed", String(!axis.isFolded()));
      },
    };
    tools.addEventListener("click", (event) => actions[event.target.dataset?.do]?.());
    const KEYS = { "+": "in", "=": "in", "-": "out", "_": "out", ArrowLeft: "left", ArrowRight: "right", 0: "all", Home: "all", u: "unfold" };
    chart.addEventListener("keydown", (event) => {
      const action = event.ctrlKey || event.altKey || event.metaKey ? null : KEYS[event.key];
      if (action) {
        event.preventDefault();
        actions[action]();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        // Those of a row that is not unfolded cannot be gone to.
        const summaries = all(rows, "summary, button.row").filter((one) => !one.parentElement.parentElement.closest("details:not([open])"));
        const next = summaries.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
        if (summaries[next]) { event.preventDefault(); summaries[next].focus(); }
      }
    });

    // --- pointer
    const xOf = (event) => {
      const box = scale.getBoundingClientRect();
      return (event.clientX - box.left) / box.width;
    };
    const isOverBars = (event) => event.target.closest?.(".bar, .scale");
    chart.addEventListener("wheel", (event) => {
      const x = xOf(event);
      if (x < 0 || x > 1 || !isOverBars(event)) return;
      const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (event.ctrlKey || event.metaKey || event.target.closest(".scale")) {
        event.preventDefault();
        axis.zoom(Math.exp(clamp(event.deltaY, -200, 200) * 0.004), x);
      } else if ((isSideways || event.shiftKey) && !axis.isAll()) {
        event.preventDefault();
        axis.move((isSideways ? event.deltaX : event.deltaY) / width());
      }
    }, { passive: false });
    let drag = null;
    let dragged = false;
    chart.addEventListener("pointerdown", (event) => {
      dragged = false;
      if (event.button !== 0 || !isOverBars(event)) return;
      const x = xOf(event);
      drag = { x, from: axis.from, width: axis.to - axis.from, isMove: event.shiftKey, clientX: event.clientX };
    });
    const select = (x) => {
      const [left, right] = [Math.min(drag.x, x), Math.max(drag.x, x)].map((one) => clamp(one, 0, 1));
      return [left, right];
    };
    chart.addEventListener("pointermove", (event) => {
      const x = xOf(event);
      if (drag && Math.abs(event.clientX - drag.clientX) > 4 && !dragged) {
        dragged = true;
        chart.setPointerCapture(event.pointerId);
        tip.hidden = true;
      }
      if (drag && dragged && drag.isMove) {
        const from = drag.from + (drag.x - x) * drag.width;
        axis.show(clamp(from, 0, 1 - drag.width), clamp(from, 0, 1 - drag.width) + drag.width);
      } else if (drag && dragged) {
        const [left, right] = select(x);
        chosen.setAttribute("visibility", "visible");
        chosen.setAttribute("x", percent(left));
        chosen.setAttribute("width", percent(right - left));
      }
      point(x >= 0 && x <= 1 && isOverBars(event) ? axis.at(x) : null);
    });
    const drop = (event, isDone) => {
      if (drag && dragged && !drag.isMove && isDone) {
        const [left, right] = select(xOf(event));
        const width = axis.to - axis.from;
        if (right - left > 0.003) axis.show(axis.from + left * width, axis.from + right * width);
      }
      chosen.setAttribute("visibility", "hidden");
      drag = null;
    };
    chart.addEventListener("pointerup", (event) => drop(event, true));
    chart.addEventListener("pointercancel", (event) => drop(event, false));
    chart.addEventListener("pointerleave", () => { point(null); tip.hidden = true; });
    // The end of a drag over a row is no click on it.
    chart.addEventListener("click", (event) => {
      if (dragged) { event.preventDefault(); event.stopPropagation(); dragged = false; return; }
      if (isOverBars(event) && event.detail > 0) goTo(axis.at(clamp(xOf(event), 0, 1)));
    }, true);
    chart.addEventListener("dblclick", (event) => { if (isOverBars(event)) axis.show(0, 1); });

    // --- what is under the pointer
    const tip = document.body.appendChild(make("div", { class: "tip", role: "presentation" }));
    tip.hidden = true;
    const explain = (row, left, top) => {
      if (!row || row.open || dragged || !find(row, ".details")) { tip.hidden = true; return; }
      tip.replaceChildren(make("strong", {}, find(row, ".name").textContent), find(row, ".details").cloneNode(true));
      tip.hidden = false;
      tip.style.left = `${clamp(left + 14, 4, document.documentElement.clientWidth - tip.offsetWidth - 8) + scrollX}px`;
      tip.style.top = `${top + 18 + scrollY}px`;
    };
    rows.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") explain(event.target.closest("summary")?.parentElement, event.clientX, event.clientY);
    });
    rows.addEventListener("focusin", (event) => {
      if (!event.target.matches(":focus-visible")) return;
      const box = event.target.getBoundingClientRect();
      explain(event.target.closest("summary")?.parentElement, box.left + 40, box.bottom - 18);
    });
    rows.addEventListener("focusout", () => { tip.hidden = true; });
    rows.addEventListener("toggle", () => { tip.hidden = true; }, true);
    chart.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

    let goTo = () => {};
    // `ns`: the time that is there, where it is one, and no place between two.
    const point = (ms, ns = null) => {
      cursor.setAttribute("visibility", ms === null ? "hidden" : "visible");
      if (ms === null) {
        told.textContent = axis.isAll() ? "" : `${offset(axis.at(0), 1)} … ${offset(axis.at(1), 1)}`;
        return;
      }
      const x = percent(axis.x(ms));
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      const precision = ns === null ? Math.max(axis.finest, (axis.at(1) - axis.at(0)) / width()) : axis.finest;
      told.textContent = `${offset(ms, precision)} · ${calendar(ns ?? axis.ns(ms), axis.east, ns === null ? digitsOf(precision) : undefined)}`;
    };
    for (const event of all(article, "tr[data-ns]")) {
      event.addEventListener("pointerenter", () => point(axis.ms(event.dataset.ns), BigInt(event.dataset.ns)));
      event.addEventListener("pointerleave", () => point(null));
    }
    redraw();
    return {
      point,
      window: (from, to) => { if (from === null) shownLines.setAttribute("visibility", "hidden"); else stretch(shownLines, from, to); },
      onGoTo: (listener) => { goTo = listener; },
    };
  };

  // The rows of a task: its bars, and its log lines on them.
  const taskRows = (view, axis) => (rows, stretch, width) => {
    const bars = all(rows, ".row").map((row, at) => ({ svg: find(row, ".bar"), rect: find(row, "rect"), goesOn: find(row, ".goes-on"), bar: view.bars[at] && view.bars[at].map(axis.ms) }));
    const marks = logMarks(view, axis, bars, width);
    return () => {
      for (const { rect, goesOn, bar } of bars) {
        if (bar && rect) stretch(rect, ...bar);
        if (bar && goesOn) goesOn.setAttribute("x", percent(clamp(axis.x(bar[1]), -1, 1)));
      }
      marks();
    };
  };

  // Log lines on the bars of their containers: as many marks as there are pixels, whatever the number of lines.
  const logMarks = (view, axis, bars, width) => {
    const kinds = ["", "warning", "error"];
    const paths = view.containers.map((_, at) => {
      const svg = bars[view.rows[at]]?.svg;
      return svg && kinds.map((kind) => svg.appendChild(draw("svg", { class: `marks ${kind}`, preserveAspectRatio: "none", viewBox: "0 0 1000 20", width: "100%", height: 20 })).appendChild(draw("path", { "vector-effect": "non-scaling-stroke" })));
    });
    return () => {
      const seen = view.containers.map(() => kinds.map(() => new Set()));
      const columns = Math.min(1000, Math.max(100, width()));
      for (const line of view.lines) {
        const x = axis.x(line.ms);
        if (x < 0 || x > 1 || line[2] < 0) continue;
        seen[line[1]][line[2] >= 17 ? 2 : line[2] >= 13 ? 1 : 0].add(Math.round((Math.round(x * columns) / columns) * 1000));
      }
      seen.forEach((columnsOf, at) => columnsOf.forEach((columns, kind) => {
        paths[at]?.[kind].setAttribute("d", [...columns].map((x) => `M${x} ${kind ? 2 : 6}V${kind ? 18 : 14}`).join(""));
      }));
    };
  };

  // --- the log: a row for what can be seen, whatever the number of lines

  const HEIGHT = 22;
  const CUT = 2000;
  const NAMES = [[21, "fatal"], [17, "error"], [13, "warning"], [9, "info"], [5, "debug"], [1, "trace"]];
  const log = (article, view, axis, picture) => {
    const section = find(article, "section.log");
    if (!section) return () => {};
    const [box, pad, whole, count, filter, severity, only, inView] = [".lines", ".pad", ".line-whole", ".count", ".filter", "select.severity", "select.container", ".in-view"].map((selector) => find(section, selector));
    all(section, ".tools, .lines").forEach((part) => { part.hidden = false; });
    if (view.containers.length < 2) only?.parentElement.remove();
    view.containers.forEach((name, at) => only?.append(make("option", { value: at }, name)));
    let lines = view.lines;
    box.style.height = `min(24rem, ${lines.length * HEIGHT + 24}px)`;
    let here = null;
    const drawn = new Map();
    const row = (line, at) => {
      const [, who, number, whole] = line;
      // A line of the list is one line, whatever the log's line holds; all of it is shown below.
      const text = whole.replaceAll("\n", " ⏎ ");
      const kind = number < 0 ? " missing" : number >= 17 ? " error" : number >= 13 ? " warning" : "";
      const said = NAMES.find(([least]) => number >= least)?.[1];
      const element = make("div", { class: `line${kind}${line === here ? " here" : ""}`, role: "listitem", "aria-posinset": at + 1, "aria-setsize": lines.length });
      const spoken = kind && said ? [make("span", { class: "spoken" }, `${said}: `)] : [];
      const whos = view.containers.length > 1 ? [make("span", { class: "who" }, view.containers[who])] : [];
      element.append(make("span", { class: "at" }, offset(line.ms, 1)), ...whos, make("span", { class: "text" }, ...spoken, text.length > CUT ? `${text.slice(0, CUT)}… (${text.length} characters)` : text));
      element.style.top = `${at * HEIGHT}px`;
      element.line = line;
      return element;
    };
    const render = () => {
      const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 10);
      const last = Math.min(lines.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + 10);
      for (const [at, element] of drawn) {
        if (at < first || at >= last) { element.remove(); drawn.delete(at); }
      }
      for (let at = first; at < last; at++) {
        if (!drawn.has(at)) drawn.set(at, box.appendChild(row(lines[at], at)));
      }
      const [top, bottom] = [lines[Math.floor(box.scrollTop / HEIGHT)], lines[Math.min(lines.length, Math.floor((box.scrollTop + box.clientHeight) / HEIGHT)) - 1]];
      const isPart = top && bottom && lines.length * HEIGHT > box.clientHeight;
      picture?.window(isPart ? top.ms : null, bottom?.ms);
    };
    const redraw = () => {
      drawn.forEach((element) => element.remove());
      drawn.clear();
      pad.style.height = `${lines.length * HEIGHT}px`;
      render();
    };
    const choose = () => {
      const text = filter.value.toLowerCase();
      const [least, who] = [Number(severity.value), only?.value ?? ""];
      const [from, to] = inView.checked ? [axis.at(0), axis.at(1)] : [-Infinity, Infinity];
      const isAll = !text && least < -1 && who === "" && !inView.checked;
      lines = isAll ? view.lines : view.lines.filter((line) => line[2] >= least && (who === "" || line[1] === Number(who)) && line.ms >= from && line.ms <= to && (!text || line[3].toLowerCase().includes(text)));
      const total = view.lines.filter((line) => line[2] >= 0).length;
      const chosen = lines.filter((line) => line[2] >= 0).length;
      count.textContent = isAll ? `${total} line${total === 1 ? "" : "s"}` : `${chosen} of ${total} lines`;
      redraw();
    };
    // The first line at a time or after it.
    const goTo = (ms) => {
      let [low, high] = [0, lines.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (lines[middle].ms < ms) low = middle + 1; else high = middle;
      }
      if (!lines.length) return;
      here = lines[Math.min(low, lines.length - 1)];
      box.scrollTop = Math.max(0, lines.indexOf(here) * HEIGHT - box.clientHeight / 3);
      redraw();
    };
    const open = (line) => {
      here = line;
      const said = NAMES.find(([least]) => line[2] >= least)?.[1];
      find(whole, ".about").textContent = [calendar(BigInt(line[0]), axis.east), view.containers[line[1]], said].filter(Boolean).join(" · ");
      find(whole, "pre").textContent = line[3];
      whole.hidden = false;
      picture?.point(line.ms, BigInt(line[0]));
      redraw();
    };
    box.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
    box.addEventListener("click", (event) => { const line = event.target.closest(".line")?.line; if (line) open(line); });
    box.addEventListener("pointerover", (event) => { const line = event.target.closest(".line")?.line; if (line) picture?.point(line.ms, BigInt(line[0])); });
    box.addEventListener("pointerleave", () => picture?.point(null));
    box.addEventListener("keydown", (event) => {
      const at = Math.max(0, lines.indexOf(here));
      const next = { ArrowDown: here ? at + 1 : 0, ArrowUp: at - 1 }[event.key];
      if (event.key === "Enter" && here) open(here);
      if (next === undefined) return;
      event.preventDefault();
      here = lines[clamp(next, 0, lines.length - 1)];
      const top = lines.indexOf(here) * HEIGHT;
      if (top < box.scrollTop || top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
      picture?.point(here?.ms ?? null, here && BigInt(here[0]));
      redraw();
    });
    find(whole, ".close").addEventListener("click", () => { whole.hidden = true; box.focus(); });
    find(whole, ".copy").addEventListener("click", (event) => copy(find(whole, "pre").textContent, event.target));
    [filter, severity, only, inView].forEach((field) => field?.addEventListener("input", choose));
    const unlisten = axis.listen(() => { if (inView.checked) choose(); else render(); });
    const observer = new ResizeObserver(render);
    observer.observe(box);
    picture?.onGoTo(goTo);
    choose();
    return () => {
      unlisten();
      observer.disconnect();
      picture?.onGoTo(() => {});
      picture?.window(null);
    };
  };

  // --- a rollout: a row for each launch that can be seen, whatever their number

  const ROW = 24;
  // So many rows go onto paper.
  const PRINTED = 500;
  const rollout = (article, view, axis) => {
    const section = find(article, "section.timeline");
    const [sort, choice, count, one, rows, parts] = [".sort", ".shown", ".count", ".one", ".rows", ".log-parts"].map((selector) => find(section, selector));
    view.launches.forEach((launch) => {
      launch.from = launch.start === null ? Infinity : axis.ms(launch.start);
      launch.ms = launch.took === null ? null : Number(launch.took) / 1e6;
      launch.bars = launch.phases.map(([name, depth, from, to, tone, estimated]) => ({ name, depth, from: axis.ms(from), to: to === null ? null : axis.ms(to), tone, estimated }));
    });
    const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const ORDERS = {
      start: (a, b) => a.from - b.from, took: (a, b) => (b.ms ?? Infinity) - (a.ms ?? Infinity),
      zone: (a, b) => text(a.zone, b.zone) || a.from - b.from, end: (a, b) => text(b.end === "failed", a.end === "failed") || text(a.end, b.end) || a.from - b.from,
    };
    const CHOICES = { all: () => true, launches: (launch) => !launch.is_old, failed: (launch) => launch.end === "failed", old: (launch) => launch.is_old };
    let launches = view.launches;
    let chosen = null;
    let close = () => {};
    const open = (launch) => {
      close();
      chosen = launch;
      const fact = (name, value) => (value ? [make("div", {}, make("dt", {}, name), make("dd", {}, folded(value)))] : []);
      const button = make("button", { type: "button", class: "copy" }, "Copy the id");
      button.addEventListener("click", () => copy(launch.id, button));
      const done = make("button", { type: "button", class: "close" }, "Close");
      done.addEventListener("click", () => { close(); rows.focus(); });
      const cell = (value, type = "td") => make(type, type === "th" ? { scope: "row" } : { class: "number" }, value);
      const phases = launch.bars.map(({ name, depth, from, to, tone, estimated }) => make("tr", { class: `depth-${depth}` },
        cell(name, "th"), cell(offset(from, 1)), cell(to === null ? "goes on" : length(to - from, 1)), make("td", {}, [tone === "bad" && "✗ failed here", estimated && "estimated"].filter(Boolean).join(", "))));
      const heads = ["Phase", "Begins", "Takes", "Note"].map((name, at) => make("th", at ? { scope: "col", class: "number" } : { scope: "col" }, name));
      one.replaceChildren(
        make("h3", { id: "one-title" }, launch.is_old ? "Old task " : "Task ", make("code", {}, launch.id), " ", button, " ", done),
        make("dl", { class: "facts" }, ...fact("Zone", launch.zone), ...fact("Outcome", launch.end), ...fact("Takes", launch.ms !== null && length(launch.ms, 1)), ...fact("Failure", launch.failure)),
        make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...phases)),
      );
      const containers = launch.containers ?? [];
      if (containers.length) {
        const badge = ({ state, has_failed: hasFailed }) => make("span", { class: `badge ${hasFailed ? "bad" : "plain"}` }, ...(hasFailed ? [make("span", { "aria-hidden": "true" }, "✗ "), make("span", { class: "spoken" }, "failed: ")] : []), state);
        one.append(make("div", { class: "cards" }, ...containers.map((container) => make("div", { class: `card${container.has_failed ? " failed" : ""}` },
          make("h4", {}, container.name, " ", badge(container)),
          ...(container.reason ? [make("div", { class: "reason" }, folded(container.reason))] : []),
          ...(container.image ? [make("p", { class: "quiet" }, container.image)] : [])))));
      }
      const lines = launch.lines ?? [];
      lines.forEach((line) => { line.ms = axis.ms(line[0]); });
      if (lines.length) one.append(parts.content.cloneNode(true));
      else if (!launch.is_old) one.append(make("p", { class: "quiet" }, launch.end === "failed" ? "No log lines were read of it: of launches that failed alike those of one are." : "No log lines were read of it: those of launches that fail are."));
      one.hidden = false;
      const stop = lines.length ? log(one, { lines, containers: containers.map(({ name }) => name) }, axis, picture) : () => {};
      close = () => {
        stop();
        one.hidden = true;
        chosen = null;
        close = () => {};
        redraw();
      };
    };
    let redraw = () => {};
    const choose = () => {
      launches = view.launches.filter(CHOICES[choice.value]).sort(ORDERS[sort.value]);
      count.textContent = launches.length === view.launches.length ? `${launches.length} task${launches.length === 1 ? "" : "s"}` : `${launches.length} of ${view.launches.length} tasks`;
      redraw();
    };
    const picture = timeline(article, axis, (rows, stretch) => {
      rows.replaceChildren();
      rows.classList.add("many");
      rows.setAttribute("role", "list");
      rows.setAttribute("aria-label", "Launches");
      rows.tabIndex = 0;
      const pad = rows.appendChild(make("div", { class: "pad", role: "presentation" }));
      const drawn = new Map();
      const row = (launch, at) => {
        const svg = draw("svg", { class: "bar", "aria-hidden": "true", focusable: "false" });
        launch.bars.filter(({ depth }) => !depth).forEach(({ name, tone, estimated }) => svg.append(draw("rect", { class: [tone, name.replaceAll(" ", "-"), estimated && "estimated"].filter(Boolean).join(" "), y: 3, height: 14 })));
        const mark = launch.end && [" · ", make("span", { class: launch.end === "failed" ? "bad" : "quiet" }, launch.end === "failed" ? "✗ failed" : launch.end)];
        const took = launch.ms !== null ? length(launch.ms, launch.ms < 1000 ? 1 : 100) : launch.start === null ? "no times" : "goes on";
        const button = make("button", { type: "button", class: "row" },
          make("span", { class: "name" }, launch.id.slice(0, 12), make("span", { class: "quiet" }, ` ${launch.zone}`)), svg, make("span", { class: "length" }, took, ...(mark || [])));
        const item = make("div", { role: "listitem", class: "item", "aria-posinset": at + 1, "aria-setsize": launches.length }, button);
        item.style.top = `${at * ROW}px`;
        item.launch = launch;
        return item;
      };
      const place = (item) => {
        all(item, "rect").forEach((rect, at) => {
          const bar = item.launch.bars.filter(({ depth }) => !depth)[at];
          stretch(rect, bar.from, bar.to ?? axis.end);
        });
        item.firstChild.classList.toggle("here", item.launch === chosen);
      };
      let isPrinted = false;
      const left = rows.parentElement.parentElement.appendChild(make("p", { class: "print-only" }));
      const render = () => {
        const first = isPrinted ? 0 : Math.max(0, Math.floor(rows.scrollTop / ROW) - 10);
        const last = Math.min(launches.length, isPrinted ? PRINTED : Math.ceil((rows.scrollTop + rows.clientHeight) / ROW) + 10);
        for (const [at, item] of drawn) {
          if (at < first || at >= last) { item.remove(); drawn.delete(at); }
        }
        for (let at = first; at < last; at++) {
          if (!drawn.has(at)) drawn.set(at, rows.appendChild(row(launches[at], at)));
          place(drawn.get(at));
        }
      };
      redraw = () => {
        drawn.forEach((item) => item.remove());
        drawn.clear();
        const shown = isPrinted ? Math.min(launches.length, PRINTED) : launches.length;
        pad.style.height = `${shown * ROW}px`;
        left.textContent = shown < launches.length ? `… ${launches.length - shown} more are in the page` : "";
        rows.style.height = `min(60vh, ${launches.length * ROW + 4}px)`;
        rows.parentElement.style.setProperty("--bar", `${rows.offsetWidth - rows.clientWidth}px`);
        render();
      };
      rows.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
      rows.addEventListener("click", (event) => { const launch = event.target.closest(".item")?.launch; if (launch) { open(launch); render(); } });
      new ResizeObserver(redraw).observe(rows.parentElement);
      for (const event of ["beforeprint", "afterprint"]) addEventListener(event, () => { isPrinted = event === "beforeprint"; redraw(); });
      redraw();
      return render;
    });
    [sort, choice].forEach((field) => field.addEventListener("input", choose));
    all(article, ".static").forEach((part) => { part.hidden = true; });
    for (const button of all(article, "[data-open]")) {
      const launch = view.launches.find(({ id }) => id === button.dataset.open);
      button.hidden = !launch;
      button.addEventListener("click", () => {
        choice.value = "all";
        choose();
        open(launch);
        rows.scrollTop = Math.max(0, launches.indexOf(launch) * ROW - rows.clientHeight / 3);
        redraw();
        one.focus();
        one.scrollIntoView({ block: "center" });
      });
    }
    return picture;
  };

  for (const article of all(document, "article")) {
    if (!find(article, ".data")) continue;
    const view = JSON.parse(find(article, ".data").textContent);
    const axis = new Axis(view);
    if (view.launches) {
      // Of one whose tasks nobody knows there is no picture.
      if (find(article, "section.timeline")) rollout(article, view, axis);
      continue;
    }
    view.lines.forEach((line) => { line.ms = axis.ms(line[0]); });
    log(article, view, axis, timeline(article, axis, taskRows(view, axis)));
  }
  for (const button of all(document, "[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button.dataset.copy, button));
  }
  all(document, ".keys").forEach((keys) => { keys.hidden = false; });
}
