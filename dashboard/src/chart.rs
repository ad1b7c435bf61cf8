//! Charts as shapes: numbers in, coordinates and words out. Pure. Templates draw them; colours are the stylesheet's.
//!
//! Drawn as SVG on the server, a chart needs no script, is sharp on paper, and updates like any other part of a page. What was
//! not observed is a gap, never 0.

pub(crate) mod heat;
pub(crate) mod spark;
pub(crate) mod steps;

/// Width and height of a chart's own coordinates; the browser stretches them.
pub(crate) const WIDTH: f64 = 1000.0;
pub(crate) const HEIGHT: f64 = 100.0;

/// The end of a scale from 0 that `greatest` fits on, in four even parts that are whole numbers.
pub(crate) fn scale(greatest: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for part in [1.0, 2.0, 2.5, 5.0] {
            let end = step * part * 4.0;
            if end >= greatest && (step * part).fract() == 0.0 {
                return end;
            }
        }
        step *= 10.0;
    }
}

/// Where the part numbered `at` of `count` begins.
#[expect(clippy::cast_precision_loss, reason = "a chart has a few hundred points")]
pub(crate) fn left(at: usize, count: usize) -> f64 {
    WIDTH * at as f64 / count.max(1) as f64
}

/// Where `value` is on a scale from 0 to `end`.
pub(crate) fn height(value: f64, end: f64) -> f64 {
    HEIGHT - value / end * HEIGHT
}

/// The path along `values` from left to right, in steps, on a scale to `end`; it breaks where there is none.
pub(crate) fn line(values: &[Option<f64>], end: f64) -> String {
    let mut path = String::new();
    let (mut at, mut is_gap) = (0, true);
    for run in values.chunk_by(|one, next| one == next) {
        let (from, to) = (left(at, values.len()), left(at + run.len(), values.len()));
        at += run.len();
        is_gap = match run.first().copied().flatten() {
            None => true,
            Some(value) => {
                let y = coordinate(height(value, end));
                let start = if is_gap { format!("M{} ", coordinate(from)) } else { "V".to_owned() };
                path.extend([start.as_str(), &y, "H", &coordinate(to)]);
                false
            }
        };
    }
    path
}

/// A coordinate, short.
pub(crate) fn coordinate(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let ends = [0.0, 1.0, 4.0, 5.0, 9.0, 21.0, 81.0, 101.0, 999.0, 1001.0].map(scale);
        let ends = ends.map(coordinate).join(" ");
        assert_eq!(ends, "4 4 4 8 20 40 100 200 1000 2000");
    }
}
