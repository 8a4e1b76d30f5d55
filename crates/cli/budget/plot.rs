//! The certified curve as one SVG file that needs nothing else: no script, no font, no style sheet of a page.
//!
//! delta is on a logarithmic axis. The true curve lies in the band between the two lines; where the lower line is
//! missing, nothing is proven from below. Coordinates have one decimal, so equal curves are equal files. Colours follow
//! the reader's light or dark setting, and the lines differ in their dashes too.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read};
use std::path::Path;

use privet_dp::DeltaCertificate;

use crate::failure::{Exit, Failure};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;
/// Powers of ten below which a delta is drawn on the axis.
const FLOOR: f64 = -40.0;

const STYLE: &str = "svg{color-scheme:light dark;background:#fff;font:13px system-ui,sans-serif}text{fill:#222}\
.grid{stroke:#ddd}.axis{stroke:#222;fill:none}.band{fill:#2563eb;opacity:.15}.upper{stroke:#2563eb}\
.lower{stroke:#b45309;stroke-dasharray:6 4}.upper,.lower{fill:none;stroke-width:2}.head{font-weight:600}\
@media(prefers-color-scheme:dark){svg{background:#16181d}text{fill:#e6e6e6}.grid{stroke:#3a3d45}.axis{stroke:#e6e6e6}\
.band{fill:#7aa2f7}.upper{stroke:#7aa2f7}.lower{stroke:#e0af68}}";

/// Refuses a path at which something else than an SVG would be lost.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let name = path.display().to_string();
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        return Err(Failure::usage("the picture is an SVG, and the file is not named so")
            .at(name)
            .help("give `--plot` a file name that ends in .svg"));
    }
    let mut start = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(1024).read_to_end(&mut start)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
        Ok(_) if is_svg(&start) => Ok(()),
        Ok(_) => Err(Failure::usage("the file exists and is not an SVG; it was left as it is")
            .at(name)
            .help("choose another name, or remove the file first")),
    }
}

/// An empty file, or one whose first element is `svg`.
fn is_svg(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some(inner) = ["<?", "<!--", "<!DOCTYPE"].iter().find_map(|open| rest.strip_prefix(open)) {
        let end = if rest.starts_with("<!--") { "-->" } else { ">" };
        rest = inner.split_once(end).map_or("", |(_, rest)| rest.trim_start());
    }
    start.is_empty() || rest.strip_prefix("<svg").is_some_and(|rest| rest.starts_with([' ', '\n', '\t', '\r', '>']))
}

pub(super) fn write(path: &Path, svg: &str) -> Result<(), Failure> {
    std::fs::write(path, svg).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Resource, "the picture cannot be written")
        .at(path.display().to_string())
        .why(error.to_string())
        .help("check the folder and its permissions, and run the same command again")
}

/// Draws `points`, whose epsilons rise, of a `mechanism`; `compared` says which data sets are told apart.
pub(super) fn svg(points: &[DeltaCertificate], mechanism: &str, compared: &str) -> String {
    let log = |delta: f64| delta.log10().max(FLOOR);
    let first = points.first().map_or(0.0, |point| point.epsilon.get());
    let last = points.last().map_or(1.0, |point| point.epsilon.get());
    let span = if last > first { last - first } else { 1.0 };
    let drawn = points.iter().map(|point| log(point.delta_upper));
    let bottom = drawn.fold(-1.0, f64::min).floor();
    let across = |epsilon: f64| LEFT + (WIDTH - LEFT - RIGHT) * (epsilon - first) / span;
    let up = |log: f64| TOP + (HEIGHT - TOP - BOTTOM) * (log / bottom).clamp(0.0, 1.0);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"delta over epsilon, certified from both sides\"><style>{STYLE}</style>\n<text class=\"head\" \
         x=\"{LEFT}\" y=\"24\">{}</text>\n<text x=\"{LEFT}\" y=\"42\">{}</text>\n",
        escaped(&format!("{mechanism}: the true curve lies in the band")),
        escaped(compared)
    );
    axes(&mut svg, bottom, (first, first + span), &across, &up);
    let place = |point: &DeltaCertificate, delta: f64| (across(point.epsilon.get()), up(log(delta)));
    let upper: Vec<_> = points.iter().map(|point| place(point, point.delta_upper)).collect();
    // Where nothing is proven from below, the band goes down to the axis and there is no line.
    let lower: Vec<_> = points.iter().map(|point| place(point, point.delta_lower)).collect();
    let proven = points.iter().filter(|point| log(point.delta_lower) >= bottom);
    let proven: Vec<_> = proven.map(|point| place(point, point.delta_lower)).collect();
    let around: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
    let _ = writeln!(svg, "<path class=\"band\" d=\"{}Z\"/>", line(&around));
    let _ = writeln!(svg, "<path class=\"upper\" d=\"{}\"/>", line(&upper));
    let _ = writeln!(svg, "<path class=\"lower\" d=\"{}\"/>", line(&proven));
    legend(&mut svg, !proven.is_empty());
    svg.push_str("</svg>\n");
    svg
}

/// Grid, numbers and names of both axes.
fn axes(
    svg: &mut String,
    bottom: f64,
    (first, last): (f64, f64),
    across: &dyn Fn(f64) -> f64,
    up: &dyn Fn(f64) -> f64,
) {
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let every = (-bottom / 10.0).ceil() as i32;
    for power in (0..=(-bottom) as i32).step_by(every.max(1) as usize) {
        let y = up(f64::from(-power));
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT:.1} {y:.1}H{right:.1}\"/>");
        let label = if power == 0 { String::from("1") } else { format!("1e-{power}") };
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", LEFT - 8.0, y + 4.0);
    }
    let step = step(last - first);
    let mut tick = (first / step).ceil();
    while tick * step <= last * (1.0 + 1e-12) {
        let x = across(tick * step);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP:.1}V{floor:.1}\"/>");
        // Sixteen digits hide that a multiple of a tenth is not exact.
        let label = format!("{:.12e}", tick * step).parse().unwrap_or(tick * step);
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", floor + 18.0);
        tick += 1.0;
    }
    let _ = writeln!(svg, "<path class=\"axis\" d=\"M{LEFT:.1} {TOP:.1}V{floor:.1}H{right:.1}\"/>");
    let middle = f64::midpoint(LEFT, right);
    let _ = writeln!(svg, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">epsilon</text>", HEIGHT - 14.0);
    let height = f64::midpoint(TOP, floor);
    let _ = writeln!(
        svg,
        "<text x=\"18\" y=\"{height:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {height:.1})\">delta (logarithmic)</text>"
    );
}

fn legend(svg: &mut String, lower: bool) {
    let x = WIDTH - RIGHT - 190.0;
    let mut row = |class: &str, y: f64, text: &str| {
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1} {y:.1}h36\"/>");
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{text}</text>", x + 44.0, y + 4.0);
    };
    row("upper", TOP + 16.0, "delta is at most this");
    if lower {
        row("lower", TOP + 36.0, "delta is at least this");
    }
}

/// 1, 2 or 5 times a power of ten: some five to ten of them fill `span`.
fn step(span: f64) -> f64 {
    let power = 10f64.powi((span / 5.0).log10().floor() as i32);
    [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().filter(|step| span / step >= 4.0).fold(power, f64::max)
}

fn line(points: &[(f64, f64)]) -> String {
    let mut line = String::new();
    for (x, y) in points {
        let _ = write!(line, "{}{x:.1} {y:.1}", if line.is_empty() { 'M' } else { 'L' });
    }
    line
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use privet_dp::{Adjacency, Engine, Epsilon};

    use super::*;

    fn points(deltas: &[(f64, f64, f64)]) -> Vec<DeltaCertificate> {
        let point = |&(epsilon, delta_lower, delta_upper): &(f64, f64, f64)| DeltaCertificate {
            epsilon: Epsilon::new(epsilon).unwrap(),
            delta_lower,
            delta_upper,
            adjacency: Adjacency::AddRemove,
            engine: Engine::Rdp,
        };
        deltas.iter().map(point).collect()
    }

    #[test]
    fn any_curve_can_be_drawn() {
        for curve in [
            &[][..],
            &[(0.0, 0.0, 0.0)],
            &[(1.0, 0.5, 1.0)],
            &[(0.0, 0.1, 0.1), (1e-9, 0.0, 1e-300)],
            &[(0.0, 0.9, 1.0), (700.0, 1e-12, 1e-9), (1e300, 0.0, f64::MIN_POSITIVE)],
        ] {
            let svg = svg(&points(curve), "a < b & c", "d > e");
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && is_svg(svg.as_bytes()));
            assert!(svg.contains("a &lt; b &amp; c: ") && svg.contains(">d &gt; e<"));
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.len() < 20_000, "{svg}");
        }
    }

    #[test]
    fn only_an_svg_is_overwritten() {
        for svg in
            ["", "<svg>", "<?xml version=\"1.0\"?>\n<!-- > -->\n<!DOCTYPE svg>\n<svg\nviewBox=\"\">", "\u{feff} <svg >"]
        {
            assert!(is_svg(svg.as_bytes()), "{svg}");
        }
        for other in ["text", "<svgs>", "<html><svg>", "{}", "<!-- <svg> ", "PK\u{3}\u{4}"] {
            assert!(!is_svg(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        for span in [1e-9, 0.3, 1.0, 2.0, 7.3, 40.0, 1e300] {
            let count = span / step(span);
            assert!((4.0..=12.5).contains(&count), "{span}: {count}");
        }
    }
}
