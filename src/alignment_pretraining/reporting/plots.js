// Figures that answer to the pointer, where Plotly's library lies beside the page; elsewhere and in print the drawings stay.
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const plots = [...document.querySelectorAll(".panels script")].map(script => ({ place: script.parentElement, text: script.textContent }));
  const colour = name => getComputedStyle(root).getPropertyValue(name).trim();

  const themed = text => {
    // The darkest colours of arms are turned, as they are in drawings.
    const plot = JSON.parse(dark.matches ? text.replaceAll("#565656", "#9a9a9a") : text);
    const ink = colour("--ink"), ground = colour("--paper"), still = matchMedia("(pointer: coarse)").matches;
    const narrow = root.clientWidth < 544;
    for (const [name, axis] of Object.entries(plot.layout))
      if (/^[xy]axis/.test(name))
        plot.layout[name] = { automargin: true, gridcolor: colour("--line"), zerolinecolor: colour("--soft"), fixedrange: still, ...axis };
    if (plot.layout.title) Object.assign(plot.layout.title, { x: 0, font: { size: 13, weight: 700 } });
    Object.assign(plot.layout, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 10 : 12, color: ink },
      margin: { l: 10, r: 15, t: plot.layout.title ? 40 : 15, b: 10 },
      legend: { orientation: "h", xref: "container", x: 0, yref: "container", y: 0, yanchor: "bottom", font: { size: 10 } },
      hoverlabel: { bgcolor: ground, bordercolor: colour("--soft"), font: { color: ink }, align: "left" },
    });
    return plot;
  };
  const draw = async ({ place, text }) => {
    let plot = place.querySelector(".plot");
    if (!plot) {
      plot = document.createElement("div");
      plot.className = "plot";
      place.append(plot);
    }
    const { data, layout } = themed(text);
    place.classList.add("drawn");
    place.parentElement.setAttribute("role", "group");
    await Plotly.react(plot, data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
    plot.removeAllListeners("plotly_click");
    plot.on("plotly_click", ({ points, event }) => {
      const key = points[0].customdata;
      if (key) document.dispatchEvent(new CustomEvent("number", { detail: { key, x: event.clientX, y: event.clientY } }));
    });
  };

  const begin = () => {
    const waiting = new Map(plots.map(plot => [plot.place, plot])), drawn = [];
    const near = new IntersectionObserver(entries => entries.filter(entry => entry.isIntersecting).forEach(({ target }) => {
      near.unobserve(target);
      drawn.push(waiting.get(target));
      draw(waiting.get(target));
    }), { rootMargin: "300px" });
    plots.forEach(({ place }) => near.observe(place));
    dark.addEventListener("change", () => drawn.forEach(draw));
  };
  if (plots.length && (location.protocol === "file:" || location.protocol.startsWith("http"))) {
    const library = document.createElement("script");
    library.src = "plotly.min.js";
    library.onload = begin;
    document.head.append(library);
  }
})();
