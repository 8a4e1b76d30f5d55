//! epsilon over charged releases as an inline SVG: two axes, one line, the target as a dashed line.
//!
//! Coordinates are fixed to one decimal, so the same report draws the same bytes. Colours come from the page's style
//! sheet; the line and the target also differ in their dashes.

use std::fmt::Write as _;

use crate::{Report, words};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 40.0;

/// The curve of a report; `label` is its description for readers that do not see it, already escaped.
pub(crate) fn curve(report: &Report, label: &str) -> String {
    let points = &report.ledger.curve;
    let target = report.guarantee.target_epsilon;
    let most_charged = points.last().map_or(1.0, |point| point.charged.max(1) as f64);
    let highest = points.iter().map(|point| point.epsilon).chain(target).fold(0.0, f64::max);
    let highest = if highest > 0.0 { highest } else { 1.0 };
    let across = |charged: f64| LEFT + (WIDTH - LEFT - RIGHT) * charged / most_charged;
    let up = |epsilon: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - epsilon / highest);
    let (bottom, right) = (up(0.0), WIDTH - RIGHT);

    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">");
    for part in 0..=4 {
        let epsilon = highest * f64::from(part) / 4.0;
        let y = up(epsilon);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT:.1} {y:.1}H{right:.1}\"/>");
        let tick = if part == 0 { "0".to_owned() } else { words::rounded(epsilon) };
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" class=\"left\">{tick}</text>", LEFT - 6.0, y + 4.0);
    }
    let middle = f64::midpoint(LEFT, right);
    let last = points.last().map_or(0, |point| point.charged);
    let _ = write!(svg, "<text x=\"{LEFT:.1}\" y=\"{:.1}\">0</text>", bottom + 16.0);
    let _ = write!(svg, "<text x=\"{right:.1}\" y=\"{:.1}\" class=\"left\">{last}</text>", bottom + 16.0);
    let _ = write!(
        svg,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" class=\"middle\">noisy releases charged</text>",
        bottom + 32.0
    );
    if let Some(target) = target {
        let _ = write!(svg, "<path class=\"target\" d=\"M{LEFT:.1} {:.1}H{right:.1}\"/>", up(target));
    }
    let mut line = String::new();
    for point in points {
        let command = if line.is_empty() { 'M' } else { 'L' };
        let _ = write!(line, "{command}{:.1} {:.1}", across(point.charged as f64), up(point.epsilon));
    }
    let _ = write!(svg, "<path class=\"line\" d=\"{line}\"/>");
    if let Some(point) = points.last() {
        let (x, y) = (across(point.charged as f64), up(point.epsilon));
        let _ = write!(svg, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }
    svg.push_str("</svg>");
    svg
}
