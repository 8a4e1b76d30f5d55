//! The rules of the file, the decision at its exact boundary, and the theorem against an adversary who looks first.

mod adversary;

use super::*;
use crate::testing::{cases, sampled};
use crate::{NoiseMultiplier, Unsupported, rdp};
use proptest::prelude::*;

/// Terms with the order for releases over all records, which is quick to find.
pub(super) fn terms(epsilon: f64, delta: f64) -> Terms {
    let total = (Epsilon::new(epsilon).unwrap(), Delta::new(delta).unwrap());
    let typical = [Event::Gaussian { noise_multiplier: NoiseMultiplier::new(1.0).unwrap() }];
    Terms::new("notes".to_owned(), total, Adjacency::AddRemove, PrivacyUnit::Document, &typical).unwrap()
}

pub(super) fn begun(terms: Terms) -> CorpusBudget {
    CorpusBudget::begin(chain::seal(Body::Genesis(terms), chain::ORIGIN)).unwrap()
}

fn id(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

fn add(budget: &mut CorpusBudget, body: Body) -> String {
    let line = chain::seal(body, budget.head());
    let text = line.to_json() + "\n";
    budget.push(line).unwrap();
    text
}

pub(super) fn reserve(budget: &mut CorpusBudget, number: u8, event: Event) -> Result<Basis, Refusal> {
    let body = budget.reserve(id(number), None, event)?;
    add(budget, body);
    Ok(budget.run(&id(number)).unwrap().reservation.basis)
}

fn step(event: &Event) -> Event {
    let Event::Repeated { event, .. } = event else { unreachable!() };
    (**event).clone()
}

/// A ledger with the first `steps` steps of `event`; `salt` makes it a ledger of its own.
fn ledger(event: &Event, steps: u64, salt: u8) -> Ledger {
    let genesis = ledger::Genesis {
        plan_hash: "plan".to_owned(),
        dataset_commitment: salt.to_string(),
        binary_hash: "binary".to_owned(),
        privacy_unit: PrivacyUnit::Document,
        adjacency: Adjacency::AddRemove,
        delta: Delta::new(1e-7).unwrap(),
    };
    let mut ledger = Ledger::begin(chain::seal(ledger::Body::Genesis(genesis), chain::ORIGIN)).unwrap();
    for number in 1..=steps {
        let entry = ledger::StepEntry { step: number, attempt: 1, event: step(event), segment: None };
        ledger.push(chain::seal(ledger::Body::Step(entry), ledger.head())).unwrap();
    }
    ledger
}

fn settle(budget: &mut CorpusBudget, number: u8, ledger: &Ledger) -> bool {
    let body = budget.settle(&id(number), ledger).unwrap();
    body.map(|body| add(budget, body)).is_some()
}

/// A history with a line of each kind: two runs reserved, one settled early, and all lines as text.
fn history() -> (Vec<String>, CorpusBudget) {
    let genesis = chain::seal(Body::Genesis(terms(4.0, 1e-6)), chain::ORIGIN);
    let mut texts = vec![genesis.to_json() + "\n"];
    let mut budget = CorpusBudget::begin(genesis).unwrap();
    for number in 1..=2 {
        let body = budget.reserve(id(number), Some("plan".to_owned()), sampled(0.01, 1.0, 100)).unwrap();
        texts.push(add(&mut budget, body));
    }
    let body = budget.settle(&id(1), &ledger(&sampled(0.01, 1.0, 100), 40, 1)).unwrap().unwrap();
    texts.push(add(&mut budget, body));
    (texts, budget)
}

#[test]
fn a_whole_file_is_read_back_and_one_cut_anywhere_is_recovered() {
    let (texts, budget) = history();
    assert_eq!(parse(&texts.concat()).unwrap(), budget);
    assert_eq!((budget.lines(), budget.runs().len()), (4, 2));
    let whole = texts.concat();
    for cut in texts[0].len()..whole.len() {
        let (recovered, valid) = recover(&whole[..cut]).unwrap();
        assert_eq!(parse(&whole[..valid]).unwrap(), recovered, "cut {cut}");
        assert!(valid <= cut && recovered.lines() < 4);
    }
    assert_eq!(recover("{\"bo"), Err(ChainError::Empty.into()));
}

/// The format itself: a change here breaks every budget in the world.
#[test]
fn lines_are_spelled_like_this() {
    let (texts, _) = history();
    let total = r#"{"body":{"genesis":{"label":"notes","epsilon":4.0,"delta":1e-6,"adjacency":"add-remove","#;
    assert!(texts[0].starts_with(total) && texts[0].contains(r#""privacy_unit":"document","order":"#), "{}", texts[0]);
    let event = r#""event":{"repeated":{"event":{"poisson-sampled-gaussian":{"sampling_rate":"0x28f5c28f5c28f60","#;
    let reserve = format!(r#"{{"body":{{"reserve":{{"run":"{}","plan_hash":"plan",{event}"#, "01".repeat(16));
    assert!(texts[1].starts_with(&reserve) && texts[1].contains(r#""basis":"filter"}},"previous":""#), "{}", texts[1]);
    let settle = format!(r#"{{"body":{{"settle":{{"run":"{}","ledger":{{"first":""#, "01".repeat(16));
    assert!(texts[3].starts_with(&settle) && texts[3].contains(r#""entries":40},"event":"#), "{}", texts[3]);
}

#[test]
fn removed_swapped_forked_and_edited_lines_are_refused() {
    let (texts, _) = history();
    for index in 0..3 {
        let mut removed = texts.clone();
        removed.remove(index);
        assert!(parse(&removed.concat()).is_err());
        let mut swapped = texts.clone();
        swapped.swap(index, index + 1);
        assert!(parse(&swapped.concat()).is_err());
    }
    let edited = texts.concat().replace("\"count\":100", "\"count\":10");
    assert_eq!(parse(&edited), Err(ChainError::WrongHash { line: 2 }.into()));
    // Two lines that both follow the same one.
    let mut budget = parse(&texts[..2].concat()).unwrap();
    let other = add(&mut budget, Body::Settle(unused(1)));
    assert_eq!(parse(&(texts[..3].concat() + &other)), Err(ChainError::BrokenChain { line: 4 }.into()));
}

fn unused(number: u8) -> Settlement {
    Settlement { run: id(number), ledger: None, event: Event::Composed(Vec::new()) }
}

#[test]
fn lines_that_contradict_each_other_are_refused_even_when_the_chain_is_whole() {
    let (_, budget) = history();
    let refused = |body: Body| budget.clone().push(chain::seal(body, budget.head())).unwrap_err();
    let known = |number: usize| budget.runs()[number].clone();
    assert_eq!(refused(Body::Genesis(terms(4.0, 1e-6))), CorpusBudgetError::MisplacedGenesis { line: 5 });
    assert_eq!(refused(Body::Reserve(known(1).reservation)), CorpusBudgetError::ReservedTwice { line: 5 });
    assert_eq!(refused(Body::Settle(unused(9))), CorpusBudgetError::UnknownRun { line: 5 });
    assert_eq!(refused(Body::Settle(unused(1))), CorpusBudgetError::SettledLess { line: 5 });
    let free = Settlement { event: sampled(0.01, 1.0, 1), ..unused(2) };
    assert_eq!(refused(Body::Settle(free)), CorpusBudgetError::SettledLess { line: 5 });
    let same = known(0).settlement.unwrap();
    assert_eq!(refused(Body::Settle(same.clone())), CorpusBudgetError::SettledLess { line: 5 });
    let stolen = Settlement { run: id(2), ..same };
    assert_eq!(refused(Body::Settle(stolen)), CorpusBudgetError::LedgerUsedTwice { line: 5 });
    let none = Body::Settle(unused(1));
    let error = CorpusBudget::begin(chain::seal(none, chain::ORIGIN)).unwrap_err();
    assert_eq!(error, CorpusBudgetError::MisplacedGenesis { line: 1 });
    for order in [1.0, 0.5, f64::MAX * 2.0, -3.0] {
        let bad = Body::Genesis(Terms { order, ..terms(4.0, 1e-6) });
        assert!(CorpusBudget::begin(chain::seal(bad, chain::ORIGIN)).is_err(), "order {order}");
    }
}

/// Between two neighbouring noise multipliers the decision flips, and it flips where the sum crosses the budget.
#[test]
fn the_decision_flips_between_two_neighbouring_floats() {
    let mut budget = begun(terms(3.0, 1e-6));
    reserve(&mut budget, 1, sampled(0.01, 1.0, 500)).unwrap();
    let event = |noise: f64| sampled(0.02, noise, 300);
    let (mut refused, mut accepted) = (0.5_f64, 20.0_f64);
    while refused.next_up() < accepted {
        let middle = f64::midpoint(refused, accepted);
        if budget.admit(&event(middle)).is_ok() { accepted = middle } else { refused = middle }
    }
    let limit = budget.terms().cumulant_budget();
    let sum = |noise: f64| cost(&Event::Composed(vec![sampled(0.01, 1.0, 500), event(noise)]), budget.terms());
    assert!(sum(accepted) <= limit && sum(refused) > limit);
    let error = budget.admit(&event(refused)).unwrap_err();
    let Refusal::Exhausted { needed, left, closed: false } = error else { panic!("{error}") };
    assert!((needed / left - 1.0).abs() < 1e-9 && needed > left, "{needed} {left}");
    assert!(error.to_string().starts_with("the corpus budget is exhausted"), "{error}");
    reserve(&mut budget, 2, event(accepted)).unwrap();
    assert!(budget.standing().left < 1e-9 && budget.standing().kept);
    assert!(matches!(reserve(&mut budget, 3, sampled(0.001, 1.0, 1)), Err(Refusal::Exhausted { .. })));
}

#[test]
fn an_unsettled_run_stays_charged_and_a_settlement_frees_what_was_not_used() {
    let mut budget = begun(terms(2.0, 1e-6));
    let most = budget.terms().cumulant_budget() / cost(&sampled(0.01, 1.5, 1), budget.terms());
    let steps = (0.7 * most) as u64;
    let run = sampled(0.01, 1.5, steps);
    assert_eq!(reserve(&mut budget, 1, run.clone()), Ok(Basis::Filter));
    assert!(matches!(reserve(&mut budget, 1, run.clone()), Err(Refusal::Reserved)));
    assert!(matches!(budget.admit(&run), Err(Refusal::Exhausted { .. })), "a reservation counts in full");
    let before = budget.standing();
    assert!(before.spent <= 0.0 && before.reserved > 0.5 && before.kept);
    assert!(settle(&mut budget, 1, &ledger(&run, steps / 4, 1)));
    let after = budget.standing();
    assert!(after.reserved <= 0.0 && (after.spent - before.reserved / 4.0).abs() < 1e-3);
    assert_eq!(reserve(&mut budget, 2, run.clone()), Ok(Basis::Filter));
    // The ledger has grown since: charged, although nothing is left for it; and it never shrinks again.
    assert!(settle(&mut budget, 1, &ledger(&run, steps, 1)));
    assert!(!settle(&mut budget, 1, &ledger(&run, steps, 1)), "nothing new, no line");
    assert!(matches!(budget.settle(&id(1), &ledger(&run, steps - 1, 1)), Err(Refusal::Rule(_))));
    assert!(matches!(budget.settle(&id(2), &ledger(&run, steps, 1)), Err(Refusal::Rule(_))));
    assert!(!budget.standing().kept && budget.standing().left <= 0.0);
}

#[test]
fn a_run_that_never_began_is_freed_and_a_ledger_found_later_is_charged() {
    let mut budget = begun(terms(2.0, 1e-6));
    reserve(&mut budget, 1, sampled(0.01, 1.0, 400)).unwrap();
    let body = budget.settle_unused(&id(1)).unwrap().unwrap();
    add(&mut budget, body);
    assert_eq!(budget.settle_unused(&id(1)), Ok(None));
    assert!(budget.standing().spent <= 0.0);
    assert!(settle(&mut budget, 1, &ledger(&sampled(0.01, 1.0, 400), 7, 1)));
    assert!(budget.standing().spent > 0.0);
    assert!(matches!(budget.settle_unused(&id(1)), Err(Refusal::Rule(_))));
    assert_eq!(budget.settle_unused(&id(2)), Err(Refusal::UnknownRun));
}

#[test]
fn a_ledger_of_another_plan_adjacency_or_unit_is_refused() {
    let mut budget = begun(terms(2.0, 1e-6));
    let event = sampled(0.01, 1.0, 10);
    let body = budget.reserve(id(1), Some("another".to_owned()), event.clone()).unwrap();
    add(&mut budget, body);
    assert_eq!(budget.settle(&id(1), &ledger(&event, 10, 1)), Err(Refusal::OtherPlan));
    let other = budget.same_question(Adjacency::ReplaceOne, PrivacyUnit::Document);
    assert_eq!(other, Err(Refusal::Adjacency));
    assert_eq!(budget.same_question(Adjacency::AddRemove, PrivacyUnit::Sequence), Err(Refusal::Unit));
    assert!(matches!(budget.admit(&Event::NonPrivate), Err(Refusal::Unsupported(Unsupported::NonPrivate))));
}

/// Noise at which the tight accountant allows a run and the filter does not.
fn only_alone(budget: &CorpusBudget) -> Event {
    let event = |noise: f64| {
        let noise_multiplier = NoiseMultiplier::new(noise).unwrap();
        Event::Repeated { event: Box::new(Event::Gaussian { noise_multiplier }), count: 4 }
    };
    let noise = (1..400).map(|tenth| 0.5 + f64::from(tenth) * 0.01);
    let first = noise.map(event).find(|event| budget.admit(event).is_ok()).unwrap();
    assert_eq!(budget.admit(&first), Ok(Basis::Alone));
    first
}

#[test]
fn the_first_run_may_take_the_whole_total_and_then_nothing_else_fits() {
    let mut budget = begun(terms(3.0, 1e-6));
    let whole = only_alone(&budget);
    let tiny = sampled(0.001, 5.0, 1);
    // Not the first any more: something was released before.
    let mut second = budget.clone();
    reserve(&mut second, 7, tiny.clone()).unwrap();
    assert!(matches!(second.admit(&whole), Err(Refusal::Exhausted { closed: false, .. })));
    assert!(reserve(&mut second, 8, tiny.clone()).is_ok());

    assert_eq!(reserve(&mut budget, 1, whole.clone()), Ok(Basis::Alone));
    let standing = budget.standing();
    assert!(standing.kept && standing.closed && standing.left <= 0.0, "{standing:?}");
    assert!(matches!(budget.admit(&tiny), Err(Refusal::Exhausted { closed: true, .. })));
    // It stopped early. Whether to stop was decided by looking at what it released, so the file stays closed.
    let mut early = budget.clone();
    settle(&mut early, 1, &ledger(&whole, 1, 1));
    assert!(early.standing().kept);
    assert!(matches!(early.admit(&tiny), Err(Refusal::Exhausted { closed: true, .. })));
    // It released nothing: nobody can have looked at anything.
    settle(&mut budget, 1, &ledger(&whole, 0, 1));
    assert_eq!(budget.admit(&tiny), Ok(Basis::Filter));
    assert_eq!(budget.admit(&whole), Ok(Basis::Alone));
}

#[test]
fn a_run_that_released_more_than_it_reserved_breaks_the_promise_visibly() {
    let mut budget = begun(terms(3.0, 1e-6));
    let whole = only_alone(&budget);
    reserve(&mut budget, 1, whole.clone()).unwrap();
    settle(&mut budget, 1, &ledger(&whole, 5, 1));
    assert!(!budget.standing().kept);
    let mut budget = begun(terms(3.0, 1e-6));
    reserve(&mut budget, 1, sampled(0.01, 1.0, 10)).unwrap();
    settle(&mut budget, 1, &ledger(&sampled(0.5, 0.5, 10), 9, 1));
    assert!(!budget.standing().kept);
    assert!(matches!(budget.admit(&sampled(0.001, 5.0, 1)), Err(Refusal::Exhausted { .. })));
}

/// The slow way to the order: every order of a fine grid.
#[test]
fn the_order_is_the_best_of_a_fine_grid() {
    let (few, many) = (sampled(0.01, 0.6, 1), sampled(0.001, 1.5, 1));
    let all = Event::Gaussian { noise_multiplier: NoiseMultiplier::new(2.0).unwrap() };
    for (epsilon, delta) in [(0.3, 1e-5), (1.0, 1e-6), (8.0, 1e-5), (50.0, 1e-6)] {
        let total = (Epsilon::new(epsilon).unwrap(), Delta::new(delta).unwrap());
        let three = [few.clone(), all.clone(), many.clone()];
        for typical in [&three[..1], &three[1..2], &three[..]] {
            let terms = Terms::new(String::new(), total, Adjacency::AddRemove, PrivacyUnit::User, typical).unwrap();
            let grid: Vec<Terms> = (-40..=160)
                .filter_map(|tick| terms.clone().at_order(1.0 + 10_f64.powf(f64::from(tick) / 40.0)).ok())
                .collect();
            let count = |event: &Event, terms: &Terms| terms.cumulant_budget() / cost(event, terms);
            let most = |event: &Event| grid.iter().map(|terms| count(event, terms)).fold(0.0, f64::max);
            let most: Vec<f64> = typical.iter().map(most).collect();
            let share = |terms: &Terms| {
                typical.iter().zip(&most).map(|(event, most)| count(event, terms) / most).fold(f64::INFINITY, f64::min)
            };
            let best = grid.iter().map(share).fold(0.0, f64::max);
            assert!(share(&terms) > best * 0.995, "{epsilon} {delta}: order {}", terms.order);
        }
    }
}

#[test]
fn a_total_that_no_order_can_show_and_a_label_with_control_characters_are_refused() {
    let make = |label: &str, epsilon: f64, delta: f64| {
        let total = (Epsilon::new(epsilon).unwrap(), Delta::new(delta).unwrap());
        Terms::new(label.to_owned(), total, Adjacency::AddRemove, PrivacyUnit::User, &[])
    };
    assert!(make("", 1.0, 1e-6).is_ok());
    assert!(make("", 1e-12, 1e-30).is_err());
    assert!(make("a\nb", 1.0, 1e-6).is_err());
    assert!(make(&"a".repeat(201), 1.0, 1e-6).is_err());
}

/// The default suits both of the runs that it is a compromise between.
#[test]
fn the_usual_order_leaves_room_for_short_loud_runs_and_for_long_quiet_ones() {
    let count = |event: &Event, terms: &Terms| terms.cumulant_budget() / cost(event, terms);
    let (epsilon, delta) = (Epsilon::new(8.0).unwrap(), Delta::new(1e-5).unwrap());
    let make = |typical: &[Event]| {
        Terms::new(String::new(), (epsilon, delta), Adjacency::AddRemove, PrivacyUnit::User, typical).unwrap()
    };
    let usual = make(&[]);
    for event in [sampled(0.01, 0.5, 1), sampled(0.01, 1.0, 1), sampled(0.02, 3.0, 1)] {
        let own = make(std::slice::from_ref(&event));
        assert!(count(&event, &usual) > 0.5 * count(&event, &own), "{event:?} at {}", usual.order);
    }
}

/// What a budget says fits must also be within the total by the Rényi accountant that may pick its order.
#[test]
fn a_full_budget_costs_at_most_the_total_and_not_much_less() {
    for (epsilon, delta, noise) in [(0.5, 1e-6, 3.0), (2.0, 1e-5, 1.0), (8.0, 1e-9, 0.7)] {
        let total = (Epsilon::new(epsilon).unwrap(), Delta::new(delta).unwrap());
        let step = [sampled(0.02, noise, 1)];
        let terms = Terms::new(String::new(), total, Adjacency::AddRemove, PrivacyUnit::Document, &step).unwrap();
        let most = terms.cumulant_budget() / cost(&step[0], &terms);
        let mut budget = begun(terms);
        let mut runs = 0;
        while reserve(&mut budget, runs, sampled(0.02, noise, (0.07 * most).ceil() as u64)).is_ok() {
            runs += 1;
        }
        assert!(runs > 6 && budget.standing().kept, "{runs} runs of {most} steps");
        let all = Event::Composed(budget.runs().iter().map(|run| run.charged().clone()).collect());
        let spent = rdp::epsilon(&all, total.1, Adjacency::AddRemove).unwrap().epsilon.get();
        assert!(spent <= epsilon && spent > 0.85 * epsilon, "{runs} runs: {spent} of {epsilon}");
        assert!(budget.standing().fixed_in_advance.unwrap().epsilon_upper <= total.0);
    }
}

#[derive(Debug, Clone)]
enum Action {
    Reserve { rate: f64, noise: f64, steps: u64 },
    Settle { which: usize, part: f64 },
}

fn action() -> impl Strategy<Value = Action> {
    let reserve = (0.0..=1.0_f64, 0.4..6.0_f64, 0..2000_u64);
    prop_oneof![
        reserve.prop_map(|(rate, noise, steps)| Action::Reserve { rate: rate.powi(3), noise, steps }),
        (0..8_usize, 0.0..=1.0_f64).prop_map(|(which, part)| Action::Settle { which, part }),
    ]
}

proptest! {
    #![proptest_config(cases(48))]

    /// Whatever is reserved and settled in whatever order, the plain sum over the runs, at the order of the first line,
    /// never exceeds the budget, or there is one run that keeps the total by itself.
    #[test]
    fn the_sum_never_exceeds_the_budget(epsilon in 0.2..10.0_f64, actions in prop::collection::vec(action(), 1..10)) {
        let mut budget = begun(terms(epsilon, 1e-6));
        let limit = budget.terms().cumulant_budget();
        for (number, action) in (0..).zip(actions) {
            match action {
                Action::Reserve { rate, noise, steps } => {
                    let before = budget.clone();
                    if reserve(&mut budget, number, sampled(rate, noise, steps)).is_err() {
                        prop_assert_eq!(&before, &budget);
                    }
                }
                Action::Settle { which, part } if which < budget.runs().len() => {
                    let Reservation { run, event, .. } = budget.runs()[which].reservation.clone();
                    let Event::Repeated { event: step, count } = event else { unreachable!() };
                    let entries = (count as f64 * part) as u64;
                    let event = Event::Repeated { event: step, count: entries };
                    let first = which.to_string();
                    let settlement = Settlement { run, ledger: Some(LedgerMark { first, head: String::new(), entries }), event };
                    let line = chain::seal(Body::Settle(settlement), budget.head());
                    let _ = budget.push(line);
                }
                Action::Settle { .. } => {}
            }
            prop_assert!(budget.standing().kept);
            let costs: Vec<f64> = budget.runs().iter().map(|run| cost(run.charged(), budget.terms())).collect();
            let sum: f64 = costs.iter().sum();
            let alone = budget.runs().iter().filter(|run| run.reservation.basis == Basis::Alone && cost(run.charged(), budget.terms()) > 0.0).count();
            prop_assert!(sum <= limit * (1.0 + 1e-12) || (alone == 1 && costs.iter().filter(|cost| **cost > 0.0).count() == 1));
        }
        prop_assert!(parse("").is_err());
    }

    #[test]
    fn arbitrary_text_is_refused_without_a_panic(text in "[\\x00-\\x7f\u{e9}]{0,200}") {
        let (texts, _) = history();
        prop_assert!(parse(&text).is_err());
        prop_assert!(parse(&(texts.concat() + &text)).is_ok() == text.is_empty());
    }
}

#[test]
fn a_run_is_named_by_32_hexadecimal_digits() {
    assert_eq!(id(0xab).short(), "abababab");
    for text in ["", "ab", &"AB".repeat(16), &"zz".repeat(16), &"ab".repeat(17)] {
        assert!(RunId::try_from((*text).to_owned()).is_err(), "{text}");
    }
    let (_, budget) = history();
    assert_eq!(budget.run_starting("0101").unwrap().reservation.run, id(1));
    assert!(budget.run_starting("0").is_none() && budget.run_starting("").is_none());
}
