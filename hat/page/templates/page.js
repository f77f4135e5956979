"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const tip = document.getElementById("tip");
  const REACH = 28; // pixels from a point that still count as on it: a finger's

  function draw(name, attributes, parent, text) {
    const element = document.createElementNS(SVG, name);
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  function html(name, parent, text) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  // Layers as boxes as wide as the network, feed-forward widths as bars, heads as squares; lines
  // lead from the encoder layers that a decoder layer attends to. Bottom to top, as data flows.
  const LAYERS_DRAWN = 16;

  function heads(svg, x, y, count, style) {
    const shown = Math.min(count, 16);
    for (let i = 0; i < shown; i++) {
      draw("rect", { class: style, x: x + i * 6.5, y: y, width: 5, height: 8, rx: 1 }, svg);
    }
  }

  function architecture(arch, most, parent) {
    const [encoderWidth, decoderWidth, encoderFfn, decoderFfn, encoderHeads, decoderHeads, crossHeads, spans] = arch;
    const eShown = Math.min(encoderFfn.length, LAYERS_DRAWN), dShown = Math.min(decoderFfn.length, LAYERS_DRAWN);
    const eHeight = 40, dHeight = 54, gap = 6, full = 138, left = 4, right = 178;
    const height = Math.max(eShown * (eHeight + gap), dShown * (dHeight + gap)) + 46;
    const label = "Encoder of width " + encoderWidth + " with " + encoderFfn.length + " layers, feed-forward widths " +
      encoderFfn.join(", ") + ", heads " + encoderHeads.join(", ") + ". Decoder of width " + decoderWidth + " with " +
      decoderFfn.length + " layers, feed-forward widths " + decoderFfn.join(", ") + ", heads " + decoderHeads.join(", ") +
      ", heads to the encoder " + crossHeads.join(", ") + ", encoder layers attended to " + spans.join(", ") + ".";
    const svg = draw("svg", { class: "arch", viewBox: "0 0 320 " + height, role: "img", "aria-label": label }, parent);
    const floor = height - 26;
    const sides = [
      { x: left, width: encoderWidth, most: most[0], ffn: encoderFfn, mostFfn: most[2], self: encoderHeads, tall: eHeight, shown: eShown, name: "encoder" },
      { x: right, width: decoderWidth, most: most[1], ffn: decoderFfn, mostFfn: most[3], self: decoderHeads, tall: dHeight, shown: dShown, name: "decoder" },
    ];
    const middles = [];
    for (const side of sides) {
      const isDecoder = side.name === "decoder";
      const room = full * Math.max(0.3, side.width / side.most);
      for (let i = 0; i < side.shown; i++) {
        const y = floor - (i + 1) * (side.tall + gap) + gap;
        draw("rect", { class: "full", x: side.x, y: y, width: full, height: side.tall, rx: 5 }, svg);
        draw("rect", { class: "layer", x: side.x, y: y, width: room, height: side.tall, rx: 5 }, svg);
        const inner = room - 12;
        draw("rect", { class: "slot", x: side.x + 6, y: y + 5, width: inner, height: 7, rx: 2 }, svg);
        draw("rect", { class: "ffn", x: side.x + 6, y: y + 5, width: inner * side.ffn[i] / side.mostFfn, height: 7, rx: 2 }, svg);
        heads(svg, side.x + 6, y + 17, side.self[i], "self");
        if (isDecoder) heads(svg, side.x + 6, y + 29, crossHeads[i], "cross");
        const words = "ffn " + side.ffn[i] + " · " + side.self[i] + (isDecoder ? "+" + crossHeads[i] : "") + " heads";
        draw("text", { class: "quiet", x: side.x + 6, y: y + side.tall - 4 }, svg, words);
        if (!isDecoder) middles.push({ x: side.x + full, y: y + side.tall / 2 });
      }
      const more = side.ffn.length - side.shown;
      draw("text", { x: side.x, y: height - 10 }, svg,
        side.name + ", width " + side.width + (more > 0 ? " (and " + more + " layers more)" : ""));
    }
    for (let i = 0; i < dShown; i++) {
      const y = floor - (i + 1) * (dHeight + gap) + gap + 33;
      for (let back = 0; back < spans[i]; back++) {
        const from = middles[encoderFfn.length - 1 - back];
        if (!from) continue;
        const bend = (from.x + right) / 2;
        draw("path", { class: "span", d: "M" + from.x + " " + from.y + "C" + bend + " " + from.y + " " + bend + " " + y + " " + (right - 2) + " " + y }, svg);
      }
    }
    return svg;
  }

  function legend(parent) {
    const list = html("ul", parent);
    list.className = "legend";
    for (const [style, text] of [["ffn", "feed-forward width"], ["self", "heads"], ["cross", "heads to the encoder, and what they see"]]) {
      const item = html("li", list);
      const svg = draw("svg", { class: "arch key", viewBox: "0 0 20 20", "aria-hidden": "true" }, item);
      draw("rect", { class: style, x: 4, y: 4, width: style === "ffn" ? 14 : 8, height: 11, rx: 2 }, svg);
      html("span", item, text);
    }
  }

  class Front {
    constructor(section) {
      this.section = section;
      this.key = section.dataset.search;
      this.search = data[this.key];
      this.points = new Map(this.search.points.map((point) => [point.id, point]));
      this.panels = [...section.querySelectorAll(".panel")];
      this.details = section.querySelector(".details");
      this.axis = this.panels[0].dataset.axis;
      this.quality = this.panels[0].dataset.quality;
      this.chosen = null;
      for (const button of section.querySelectorAll(".choices button")) {
        button.addEventListener("click", () => this.view(button.dataset.axis || this.axis, button.dataset.quality || this.quality));
      }
      for (const svg of section.querySelectorAll(".panel .plot")) this.listen(svg);
      this.view(this.axis, this.quality);
      const first = this.points.get(this.search.winner) || this.search.points[0];
      if (first) this.choose(first.id, false);
    }

    view(axis, quality) {
      const fits = (panel) => panel.dataset.axis === axis && panel.dataset.quality === quality;
      if (!this.panels.some(fits)) {
        const other = this.panels.find((panel) => panel.dataset.axis === axis) || this.panels.find((panel) => panel.dataset.quality === quality);
        axis = other.dataset.axis;
        quality = other.dataset.quality;
      }
      this.axis = axis;
      this.quality = quality;
      for (const panel of this.panels) panel.hidden = !fits(panel);
      for (const button of this.section.querySelectorAll(".choices button")) {
        const on = button.dataset.axis ? button.dataset.axis === axis : button.dataset.quality === quality;
        button.setAttribute("aria-pressed", String(on));
      }
    }

    // Where the points of a plot are, in the plot's own units.
    places(svg) {
      const [ax, bx, ay, by] = svg.dataset.map.split(" ").map(Number);
      const index = Number(svg.dataset.axis), scale = Number(svg.dataset.scale);
      const isBleu = svg.dataset.quality === "bleu";
      const found = [];
      for (const point of this.search.points) {
        const cost = (isBleu ? point.trainedAt : point.at)[index];
        for (const value of isBleu ? point.bleu : [point.score]) {
          if (cost === null || value === null) continue;
          found.push({ point: point, value: value, x: ax * cost / scale + bx, y: ay * value + by });
        }
      }
      return found;
    }

    nearest(svg, event) {
      const matrix = svg.getScreenCTM();
      if (!matrix) return null;
      let best = null, least = REACH;
      for (const place of this.places(svg)) {
        const x = matrix.a * place.x + matrix.e, y = matrix.d * place.y + matrix.f;
        // What has a name or is on the front lies on top of the others.
        const weight = place.point.named ? 0.6 : place.point.front ? 0.8 : 1;
        const distance = weight * Math.hypot(x - event.clientX, y - event.clientY);
        if (distance < least) {
          least = distance;
          best = place;
        }
      }
      return best;
    }

    listen(svg) {
      svg.setAttribute("tabindex", "0");
      svg.setAttribute("role", "group");
      svg.addEventListener("pointermove", (event) => {
        const place = this.nearest(svg, event);
        ring(svg, "near", place ? [place] : []);
        tip.hidden = !place;
        if (!place) return;
        tip.textContent = place.point.title + ": " + (place.point.rows[0] || ["", ""]).join(" ");
        tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
        tip.style.top = Math.max(event.clientY - tip.offsetHeight - 10, 4) + "px";
      });
      svg.addEventListener("pointerleave", () => {
        ring(svg, "near", []);
        tip.hidden = true;
      });
      svg.addEventListener("click", (event) => {
        const place = this.nearest(svg, event);
        if (place) this.choose(place.point.id, true);
      });
      svg.addEventListener("keydown", (event) => {
        const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
        const ends = { Home: 0, End: -1 };
        if (!(event.key in steps) && !(event.key in ends)) return;
        event.preventDefault();
        const ids = [...new Set(this.places(svg).sort((a, b) => a.x - b.x || a.y - b.y).map((place) => place.point.id))];
        const few = ids.filter((id) => this.points.get(id).named || this.points.get(id).front);
        // Left and right go along the front and what has a name; up and down through everything.
        const row = event.key === "ArrowUp" || event.key === "ArrowDown" || !few.length ? ids : few;
        const at = row.indexOf(this.chosen);
        const next = event.key in ends ? row.at(ends[event.key]) : row[Math.min(Math.max(at + steps[event.key], 0), row.length - 1)];
        if (next) this.choose(next, true);
      });
    }

    choose(id, byHand) {
      const point = this.points.get(id);
      if (!point) return false;
      this.chosen = id;
      for (const svg of this.section.querySelectorAll(".panel .plot")) {
        ring(svg, "chosen", this.places(svg).filter((place) => place.point === point));
      }
      this.details.replaceChildren();
      html("h3", this.details, point.title);
      architecture(point.arch, this.search.most, this.details);
      legend(this.details);
      const list = html("dl", this.details);
      for (const [name, text] of point.rows) {
        html("dt", list, name);
        html("dd", list, text);
      }
      this.section.dataset.chosen = id;
      if (byHand) history.replaceState(null, "", "#point=" + this.key + "/" + encodeURIComponent(id));
      return true;
    }
  }

  function ring(svg, style, places) {
    for (const old of svg.querySelectorAll("." + style)) old.remove();
    for (const place of places) draw("circle", { class: style, cx: place.x, cy: place.y, r: style === "chosen" ? 13 : 10 }, svg);
  }

  const fronts = new Map([...document.querySelectorAll("section.front")].map((section) => [section.dataset.search, new Front(section)]));

  function fromAddress() {
    const match = /^#point=([0-9]+-[0-9]+)\/(.+)$/.exec(location.hash);
    const front = match && fronts.get(match[1]);
    if (!front) return;
    let id = match[2];
    try {
      id = decodeURIComponent(id);
    } catch (error) {
      return; // not an address of ours
    }
    if (front.choose(id, false)) front.section.scrollIntoView();
  }

  window.addEventListener("hashchange", fromAddress);
  fromAddress();
  document.documentElement.dataset.ready = "yes";
})();
