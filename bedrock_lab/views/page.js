(() => {
  "use strict";
  const LIGHT = { ink: "#1b2430", soft: "#55606e", grid: "#e3e6ea", axis: "#9aa4b0", card: "#ffffff" };
  const DARK = { ink: "#e8ebef", soft: "#aab4c0", grid: "#2c3540", axis: "#5d6976", card: "#1b222b" };
  const PRINTED_WIDTH = 680; // A4 less its margins, in CSS pixels
  const NARROW = 560;
  const CLEAR = "rgba(0,0,0,0)";
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif";
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const charts = Array.from(document.querySelectorAll(".chart"), (box) => {
    const figure = JSON.parse(box.querySelector("script").textContent);
    box.replaceChildren();
    return { box, figure };
  });

  const isAxis = (name) => /^[xy]axis\d*$/.test(name);

  const axisLook = (look, axis) => ({
    automargin: true,
    ...axis,
    gridcolor: look.grid,
    zerolinecolor: look.axis,
    linecolor: look.axis,
    tickcolor: look.axis,
    tickfont: { ...axis.tickfont, color: look.soft },
  });

  // a long title of a vertical axis is broken in two near its middle, or a low chart would cut it
  const broken = (axis, height) => {
    const text = typeof axis.title === "string" ? axis.title : (axis.title || {}).text || "";
    if (text.length * 7 < height - 110 || text.includes("<br>") || !text.includes(" ")) return axis;
    const gaps = Array.from(text.matchAll(/ /g), (match) => match.index);
    const middle = text.length / 2;
    const cut = gaps.reduce((best, gap) => (Math.abs(gap - middle) < Math.abs(best - middle) ? gap : best));
    const title = typeof axis.title === "string" ? {} : axis.title;
    return { ...axis, title: { ...title, text: `${text.slice(0, cut)}<br>${text.slice(cut + 1)}` } };
  };

  const layoutFor = (given, look, width) => {
    const narrow = width < NARROW;
    const layout = {
      ...given,
      width,
      height: given.height || (narrow || width === PRINTED_WIDTH ? 340 : 400),
      autosize: false,
      font: { size: narrow ? 12 : 13, ...given.font, family: FONT, color: look.ink },
      paper_bgcolor: CLEAR,
      plot_bgcolor: CLEAR,
      margin: { t: 24, r: 16, b: 48, l: 56, ...given.margin, ...(narrow ? { l: 8, r: 8 } : {}) },
      hoverlabel: { ...given.hoverlabel, bgcolor: look.card, bordercolor: look.axis, font: { color: look.ink, family: FONT } },
      legend: { ...given.legend, bgcolor: CLEAR, font: { color: look.ink } },
    };
    if (narrow) {
      Object.assign(layout.legend, { orientation: "h", x: 0, xanchor: "left", y: -0.28, yanchor: "top" });
    }
    const template = given.template || {};
    const base = template.layout || {};
    layout.template = {
      ...template,
      layout: { ...base, xaxis: axisLook(look, base.xaxis || {}), yaxis: axisLook(look, base.yaxis || {}) },
    };
    for (const name of Object.keys(given).filter(isAxis)) {
      layout[name] = axisLook(look, name[0] === "y" ? broken(given[name], layout.height) : given[name]);
    }
    return layout;
  };

  const draw = (look, width) =>
    Promise.all(
      charts.map(({ box, figure }) =>
        Plotly.react(box, figure.data, layoutFor(figure.layout, look, width || box.clientWidth), {
          displaylogo: false,
          displayModeBar: "hover",
          modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
        }),
      ),
    );

  const drawForScreen = () => draw(prefersDark.matches ? DARK : LIGHT);
  let pending = 0;
  window.addEventListener("resize", () => {
    window.cancelAnimationFrame(pending);
    pending = window.requestAnimationFrame(drawForScreen);
  });
  prefersDark.addEventListener("change", drawForScreen);
  window.addEventListener("beforeprint", () => draw(LIGHT, PRINTED_WIDTH));
  window.addEventListener("afterprint", drawForScreen);
  drawForScreen().then(() => {
    document.documentElement.dataset.drawn = String(charts.length);
  });
})();
