//! What the guarantee rests on, and who sees to each part.
//!
//! Three bases, kept apart without mercy: *enforced* means that the program cannot run otherwise, or that this very
//! report checked it; *tested* means that the program's tests compare it with a slow, obvious twin; *only asserted* means
//! that no program can see it. The table is the part of a report that is worth reading first.

use privet_dp::PrivacyUnit;

use crate::folder::Plan;
use crate::words::{clean, unit_name};
use crate::{Assumption, Basis};

/// The assumption table of a plan.
pub(crate) fn assumptions(plan: &Plan) -> Vec<Assumption> {
    let unit = unit_name(plan.privacy.privacy_unit);
    let replaced = plan.privacy.banded.map(|_| BANDED[0]);
    let enforced = replaced.iter().chain(&ENFORCED[usize::from(replaced.is_some())..]);
    let mut table: Vec<Assumption> = enforced.map(|(what, how)| row(what, Basis::Enforced, how)).collect();
    if replaced.is_some() {
        table.push(row(BANDED[1].0, Basis::Enforced, BANDED[1].1));
        table.push(row(BANDED[2].0, Basis::Tested, BANDED[2].1));
    }
    table.extend(TESTED.iter().map(|(what, how)| row(what, Basis::Tested, how)));
    table.extend(plan.stages.iter().map(stage));
    table.push(match &plan.data.unit_column {
        Some(column) => row(
            &format!("Rows with the same value in the column {} are one {unit}'s, and all of that {unit}'s", clean(column)),
            Basis::Asserted,
            "a person with two values there is two users, each protected by themselves; rows that others wrote about them \
             are those others' rows",
        ),
        None => {
            row(&format!("One row of the corpus is one {unit}"), Basis::Asserted, &rows(plan.privacy.privacy_unit))
        }
    });
    table.push(row(
        &format!("{} is a public bound on the number of {unit}s", plan.privacy.dataset_size_bound),
        Basis::Asserted,
        "it must be known or chosen without counting the rows; the sampling rate and the check of delta come from it",
    ));
    table.extend(ASSERTED.iter().map(|(what, how)| row(what, Basis::Asserted, how)));
    // A stable sort: the bases in order, each with its rows as written.
    table.sort_by_key(|row| match row.basis {
        Basis::Enforced => 0,
        Basis::Tested => 1,
        Basis::Asserted => 2,
    });
    table
}

fn row(assumption: &str, basis: Basis, how: &str) -> Assumption {
    Assumption { assumption: assumption.to_owned(), basis, how: how.to_owned() }
}

fn stage(stage: &crate::folder::PlanStage) -> Assumption {
    let name = crate::words::clean(&stage.name);
    match stage.stability {
        Some(bound) => row(
            &format!("The stage {name} lets one input record change at most {bound} of its output"),
            Basis::Tested,
            "the proof stands beside the code, and tests change one record and compare the outputs",
        ),
        None => row(
            &format!("The stage {name} is outside the guarantee"),
            Basis::Asserted,
            "no bound is claimed for it; its output is what the guarantee is about",
        ),
    }
}

fn rows(unit: PrivacyUnit) -> String {
    match unit {
        PrivacyUnit::Sequence => "a text that was cut into several rows is several sequences, each protected by itself",
        PrivacyUnit::Document => {
            "a document that was spread over several rows is protected less; see the figures for groups"
        }
        PrivacyUnit::User => "everything of one user must be in one row; what is elsewhere counts as another user",
    }
    .to_owned()
}

const ENFORCED: [(&str, &str); 9] = [
    (
        "Batches are drawn by Poisson sampling at the accounted rate",
        "the sampler compares 64 cipher bits with the integer threshold that the plan and every line of the ledger state; \
         this report compared them",
    ),
    (
        "Noise and sampling come from a cryptographic generator with fresh secret keys",
        "ChaCha20 under keys that each process draws from the operating system; a release build has no way to choose a seed",
    ),
    (
        "Noise is added once per step, and before anything reads the sum",
        "the type of a clipped sum can only be turned into a noisy one, and only a noisy one reaches the optimizer",
    ),
    (
        "Every noisy release is charged, also when a run is taken up again",
        "the charge is on disk before the step is applied; a step that is done again is charged again, with fresh noise",
    ),
    (
        "The ledger was not edited",
        "a chain of hashes over all its lines, begun with the hash of the plan; this report checked all of them",
    ),
    ("The noisy sum is divided by a public constant", "expected_batch_size of the plan, never the realised batch size"),
    ("delta is below 1 / dataset_size_bound", "planning refuses anything else, and so does this report"),
    (
        "epsilon is computed from what was charged",
        "this report computed it from the ledger and rounded it up; no stored epsilon is used",
    ),
    ("This edition or its public sibling holds nothing private", "the public edition is made without opening private/"),
];

/// What takes the place of the first row above where noise is banded, and what comes with it.
const BANDED: [(&str, &str); 3] = [
    (
        "Batches are drawn by cyclic Poisson sampling at the accounted rate",
        "one of the groups has its turn in each step; the sampler compares 64 cipher bits with the integer threshold that the \
         plan and every line of the ledger state; this report compared them",
    ),
    (
        "Noise is taken back only within one process, and turns add up over all of them",
        "past noise is never written; each process opens a segment with new groups, and the ledger's rules count the turns of \
         every segment",
    ),
    (
        "Past noise is combined by the strategy matrix whose columns have norm 1",
        "applied to the noise that was added, the whole matrix gives fresh noise back",
    ),
];

const TESTED: [(&str, &str); 3] = [
    (
        "Each unit's whole gradient is clipped to max_grad_norm, over all trained weights together",
        "compared with gradients computed one unit at a time, in any physical batch size",
    ),
    ("Gradients that are not finite count as zero, and empty batches are noised and charged", "tests on such batches"),
    ("The accountant's figure is an upper bound", "compared with reference accountants; its rounding goes upwards"),
];

const ASSERTED: [(&str, &str); 7] = [
    (
        "Hyper-parameters were not chosen by looking at private results",
        "no program can see what was tried before; each earlier run on the same data spends its own budget",
    ),
    ("Only the folder public/ is given away", "the trainer keeps the rest in private/, readable by its owner alone"),
    ("The base model and its tokenizer were made without the corpus", "only their digests are known here"),
    (
        "Floating-point sums and noise are close enough to real ones",
        "noise is the sum of four draws in 64 bits, which blunts known attacks on its last bits; it is not proved bit by bit",
    ),
    (
        "The operating system's random numbers are unpredictable and the machine computes correctly",
        "nobody checks the hardware",
    ),
    (
        "The program is the one that its digest names, and was not changed",
        "the digest stands in the ledger; compare it with a build of the same version",
    ),
    (
        "No line is missing at the end of the ledger, and it was not written anew",
        "a chain of hashes cannot show this; compare its head with one that was kept elsewhere",
    ),
];
