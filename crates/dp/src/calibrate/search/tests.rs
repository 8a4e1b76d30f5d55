//! The search against plain bisection, on curves that bend, jump and end.

use super::*;
use crate::testing::cases;
use proptest::prelude::*;
use std::convert::Infallible;

const CONTINUOUS: Axis =
    Axis { start: 1.0, least: 1e-9, most: 1e9, stride_down: 16.0, stride_up: 2.0, grid: 0.0, tolerance: 1e-9 };
const COUNTS: Axis = Axis { start: 1024.0, least: 1.0, grid: 1.0, tolerance: 0.0, stride_up: 32.0, ..CONTINUOUS };

/// What was found, and with how many looks.
fn run(axis: &Axis, target: f64, cost: impl Fn(f64) -> f64) -> (Found, u32) {
    let mut looks = 0;
    let found = largest(axis, target, |value| {
        assert!(value >= axis.least && value <= axis.most, "{value} is off the axis");
        looks += 1;
        Ok::<f64, Infallible>(cost(value))
    });
    (found.unwrap(), looks)
}

/// The slow twin: halve until nothing is left.
fn bisect(axis: &Axis, target: f64, cost: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (axis.least, axis.most);
    while high - low > axis.grid.max(1e-12 * low) {
        let middle = axis.snapped((low * high).sqrt()).max(low + axis.grid);
        if cost(middle) <= target { low = middle } else { high = middle }
    }
    low
}

/// Shaped like epsilon: straight for small values, steep where sampling stops to help, and a bend between.
fn bent(knee: f64, power: f64) -> impl Fn(f64) -> f64 {
    move |value| 0.3 * value + (value / knee).powf(power)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn finds_what_bisection_finds(log_knee in -5.0..5.0f64, power in 0.3..9.0f64, log_target in -6.0..6.0f64) {
        let (cost, target) = (bent(log_knee.exp(), power), log_target.exp());
        let (found, looks) = run(&CONTINUOUS, target, &cost);
        let Found::Largest(found) = found else { panic!("{found:?}") };
        prop_assert!(cost(found) <= target && cost(found * (1.0 + 2e-9)) > target);
        prop_assert!((found / bisect(&CONTINUOUS, target, &cost) - 1.0).abs() <= 2e-9);
        prop_assert!(looks <= 20, "{looks} looks");
    }

    #[test]
    fn finds_the_last_whole_number(log_knee in 0.0..12.0f64, power in 0.3..3.0f64, log_target in 0.0..6.0f64) {
        let (cost, target) = (bent(log_knee.exp(), power), log_target.exp());
        let (found, _) = run(&COUNTS, target, &cost);
        match found {
            Found::Largest(count) => {
                prop_assert!(count.fract() == 0.0 && cost(count) <= target && cost(count + 1.0) > target);
                prop_assert!((count - bisect(&COUNTS, target, &cost)).abs() < 0.5);
            }
            Found::Nothing(one) => prop_assert!(one > target),
        }
    }

    #[test]
    fn a_staircase_with_a_wall_is_no_trap(log_step in -6.0..0.0f64, log_wall in -3.0..3.0f64, log_target in -3.0..3.0f64) {
        let (step, wall, target) = (log_step.exp(), log_wall.exp(), log_target.exp());
        let cost = |value: f64| if value < wall { (value / step).floor() * step } else { f64::INFINITY };
        let (found, looks) = run(&CONTINUOUS, target, cost);
        let Found::Largest(found) = found else { panic!("{found:?}") };
        prop_assert!(cost(found) <= target && cost(found * (1.0 + 2e-9)) > target);
        prop_assert!(looks <= 110, "{looks} looks");
    }
}

#[test]
fn the_ends_of_the_axis_are_answers_too() {
    assert_eq!(run(&CONTINUOUS, 1.0, |_| 0.0).0, Found::Largest(1e9));
    assert_eq!(run(&CONTINUOUS, 1.0, |_| 7.0).0, Found::Nothing(7.0));
    assert_eq!(run(&CONTINUOUS, 0.0, |_| f64::INFINITY).0, Found::Nothing(f64::INFINITY));
    assert_eq!(run(&COUNTS, 1.0, |count| if count > 1.0 { 2.0 } else { 1.0 }).0, Found::Largest(1.0));
    // A target of 0 has no logarithm; halving alone finds where the cost starts.
    let Found::Largest(edge) = run(&CONTINUOUS, 0.0, |value| (value - 3.0).max(0.0)).0 else { panic!() };
    assert!((edge - 3.0).abs() <= 1e-8);
    assert!(matches!(run(&CONTINUOUS, 1.0, |_| f64::NAN).0, Found::Nothing(_)));
}

#[test]
fn an_error_ends_the_search() {
    let mut looks = 0;
    let result = largest(&CONTINUOUS, 1.0, |_| {
        looks += 1;
        if looks < 3 { Ok(0.1 / f64::from(looks)) } else { Err("no bound") }
    });
    assert_eq!((result, looks), (Err("no bound"), 3));
}
