// Small charts on a canvas: lines over time, and bars one after the other. They know no video.

const PADDING = { left: 34, right: 6, top: 8, bottom: 16 };
const STEPS = [1, 2, 5];

/** The current value of a colour that the style sheet names. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A round number not below `most`, for the top of an axis. */
function ceiling(most) {
  if (!(most > 0)) return 1;
  const decade = 10 ** Math.floor(Math.log10(most));
  for (const step of [...STEPS, 10]) if (step * decade >= most) return step * decade;
  return 10 * decade;
}

class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /** Clear, draw the axis up to about `most`, and return the area's size and scale. */
  begin(most) {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const top = ceiling(most);
    const area = {
      left: PADDING.left, right: width - PADDING.right,
      top: PADDING.top, bottom: height - PADDING.bottom,
    };
    const y = (value) => area.bottom - (value / top) * (area.bottom - area.top);
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--faint");
    context.lineWidth = 1;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of [0, top / 2, top]) {
      context.beginPath();
      context.moveTo(area.left, y(value));
      context.lineTo(area.right, y(value));
      context.stroke();
      context.fillText(String(Number(value.toPrecision(2))), area.left - 5, y(value));
    }
    return { area, y };
  }
}

/** Lines over a window of time; `series` are { colour, step, points: [[seconds, value], ...] }. */
export class LineChart extends Chart {
  draw(series, from, to) {
    const shown = series.map((one) => ({ ...one, points: visible(one.points, from) }));
    const most = Math.max(0, ...shown.flatMap((one) => one.points.map(([, value]) => value)));
    const { area, y } = this.begin(most);
    const x = (time) => area.left + ((time - from) / (to - from)) * (area.right - area.left);
    const { context } = this;
    for (const { colour: name, step, points } of shown) {
      context.strokeStyle = colour(name);
      context.lineWidth = 2;
      context.beginPath();
      let last = null;
      for (const [time, value] of points) {
        const at = Math.max(area.left, x(time));
        if (last === null) context.moveTo(at, y(value));
        else {
          if (step) context.lineTo(at, y(last));
          context.lineTo(at, y(value));
        }
        last = value;
      }
      if (last !== null && step) context.lineTo(area.right, y(last));
      context.stroke();
    }
    context.fillStyle = colour("--faint");
    context.textAlign = "left";
    context.textBaseline = "bottom";
    context.fillText(`${Math.round(from)} s`, area.left, area.bottom + PADDING.bottom);
    context.textAlign = "right";
    context.fillText(`${Math.round(to)} s`, area.right, area.bottom + PADDING.bottom);
  }
}

/** The points from `from` on, and the one before, so that a line enters at the edge. */
function visible(points, from) {
  const first = points.findIndex(([time]) => time >= from);
  if (first < 0) return points.slice(-1);
  return points.slice(Math.max(0, first - 1));
}

/** One bar for each of `bars`: { value, colour }. */
export class BarChart extends Chart {
  draw(bars, most) {
    const shown = bars.slice(-most);
    const { area, y } = this.begin(Math.max(0, ...shown.map((bar) => bar.value)));
    const width = (area.right - area.left) / most;
    const { context } = this;
    shown.forEach((bar, index) => {
      context.fillStyle = colour(bar.colour);
      const left = area.left + index * width;
      const top = Math.min(y(bar.value), area.bottom - 1);
      context.fillRect(left + 1, top, Math.max(1, width - 2), area.bottom - top);
    });
  }
}
