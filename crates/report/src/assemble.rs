//! From a run's folder to its report.

use std::path::Path;

use crate::folder::{self, Evaluation, Plan, Receipt, ReceiptCheck};
use crate::private::{self, PrivateSections};
use crate::report::FORMAT;
use crate::verify::{Verified, verify};
use crate::words::{self, clean};
use crate::{
    AdaptiveClip, Banded, Control, Edition, Error, GuaranteeFigures, LedgerSummary, Mechanism, OwnerFigure, Provenance,
    Report, Section, Selftest, Utility, assumptions, statement,
};

/// Assembles the report of the run in `run`, the folder that contains `public`.
///
/// The guarantee is computed from `public/ledger.jsonl` after that was checked against itself and against
/// `public/plan.json`. [`Edition::Public`] opens nothing in `private`; [`Edition::Private`] reads what is there and checks
/// that it does not contradict the ledger. Files that an unfinished run does not have yet leave their section absent.
///
/// # Errors
/// See [`Error`]: a folder that is not a run's, files that cannot be read or do not belong together, and a guarantee that
/// is not what the plan promised.
pub fn assemble(run: &Path, edition: Edition) -> Result<Report, Error> {
    let verified = verify(run)?;
    let sections = match edition {
        Edition::Public => private::withheld(),
        Edition::Private => private::read(run, &verified)?,
    };
    let selftest = selftest(run, &verified.ledger.genesis().binary_hash)?;
    let PrivateSections { corpus, copies, training, evidence, controls } = sections;
    let (guarantee, ledger) = (figures(&verified), summary(&verified));
    let scope = statement::scope(&verified);
    let mut warnings = statement::warnings(&verified, &scope);
    if evidence.value().is_some_and(|evidence| evidence.verdict == privet_audit::Verdict::Refuted) {
        warnings
            .push("The audit refutes the guarantee: its lower bound is above it. Do not publish this run.".to_owned());
    }
    if selftest.value().is_some_and(|selftest| selftest.same_program && !selftest.passed) {
        warnings.push("The program that trained failed its own selftest. Do not publish this run.".to_owned());
    }
    Ok(Report {
        format: FORMAT.to_owned(),
        edition,
        name: clean(&verified.plan.name),
        statement: statement::statement(&verified, &guarantee.reading, &ledger, &scope),
        guarantee,
        mechanism: mechanism(&verified),
        scope,
        ledger,
        corpus,
        copies,
        training,
        evidence,
        selftest,
        utility: utility(run, controls)?,
        provenance: provenance(&verified.plan),
        limits: statement::limits(),
        assumptions: assumptions::assumptions(&verified.plan),
        warnings,
    })
}

fn figures(run: &Verified) -> GuaranteeFigures {
    let (guarantee, privacy) = (&run.guarantee, &run.plan.privacy);
    let epsilon = guarantee.epsilon.get();
    GuaranteeFigures {
        epsilon,
        epsilon_lower: guarantee.epsilon_lower.get(),
        epsilon_stated: privet_dp::round_up(epsilon, words::decimals(epsilon)),
        delta: guarantee.delta.get(),
        privacy_unit: guarantee.privacy_unit,
        adjacency: guarantee.adjacency,
        engine: guarantee.engine,
        order: guarantee.order,
        steps_charged: guarantee.steps_charged,
        target_epsilon: privacy.target_epsilon.map(privet_dp::Epsilon::get),
        delta_times_bound: guarantee.delta.get() * privacy.dataset_size_bound as f64,
        reading: statement::reading(guarantee),
        groups: statement::groups(run),
        owner: run.plan.data.owner_limit.as_ref().map(|limit| OwnerFigure {
            column: words::clean(&limit.column),
            group: statement::of_several(run, limit.records),
        }),
    }
}

fn summary(run: &Verified) -> LedgerSummary {
    let (ledger, genesis) = (&run.ledger, run.ledger.genesis());
    let steps_reached = ledger.entries().iter().map(|entry| entry.step).max().unwrap_or(0);
    let charged = ledger.entries().len() as u64;
    LedgerSummary {
        head: ledger.head().to_owned(),
        lines: charged + 1,
        steps_reached,
        // Steps may not be skipped, so each from 1 to the highest was charged at least once.
        charged_again: charged - steps_reached,
        plan_hash: genesis.plan_hash.clone(),
        dataset_commitment: clean(&genesis.dataset_commitment),
        binary_hash: clean(&genesis.binary_hash),
        curve: run.curve.clone(),
    }
}

fn mechanism(run: &Verified) -> Mechanism {
    let (plan, privacy) = (&run.plan, &run.plan.privacy);
    let named = |plain: &str, banded: &str| privacy.banded.map_or(plain, |_| banded).to_owned();
    Mechanism {
        name: named("dp-sgd", "dp-bandmf"),
        optimizer: clean(&plan.train.optimizer),
        learning_rate: plan.train.learning_rate,
        adapter: clean(&plan.model.adapter),
        trainable_parameters: plan.model.trainable_parameters,
        sequence_len: plan.data.sequence_len,
        max_grad_norm: privacy.max_grad_norm,
        clipping: clean(&privacy.clipping),
        adaptive_clip: privacy.adaptive_clip.map(|adaptive| AdaptiveClip {
            target_unclipped_quantile: adaptive.target_unclipped_quantile,
            unclipped_num_std: adaptive.unclipped_num_std,
            unclipped_noise_multiplier: adaptive.unclipped_noise_multiplier.get(),
        }),
        sensitivity: privacy.sensitivity,
        noise_multiplier: privacy.noise_multiplier.get(),
        noise_standard_deviation: privacy.noise_multiplier.get() * privacy.sensitivity,
        sampling: named("poisson", "cyclic-poisson"),
        sampling_rate: privacy.sampling_rate,
        sampling_rate_decimal: privacy.sampling_rate.get(),
        expected_batch_size: privacy.expected_batch_size,
        dataset_size_bound: privacy.dataset_size_bound,
        steps_planned: privacy.steps,
        banded: privacy.banded.map(|banded| Banded {
            bands: banded.bands,
            group_sampling_rate: banded.group_sampling_rate,
            turns_planned: banded.turns,
            turns_charged: run.ledger.turns(),
            segments: run.ledger.segments(),
        }),
    }
}

fn utility(run: &Path, [control, control_clipped]: [Section<Control>; 2]) -> Result<Section<Utility>, Error> {
    let path = run.join("public").join("evaluation.json");
    let Some(evaluation) = folder::json::<Evaluation>(&path)? else {
        let reason =
            "public/evaluation.json does not exist: the run is not finished, or no public text was set aside for it";
        return Ok(Section::Absent { reason: reason.to_owned() });
    };
    folder::require_format(&path, &evaluation.format, folder::EVALUATION_FORMAT)?;
    let Evaluation { sequences, tokens, base_loss, released_loss, .. } = evaluation;
    let split = clean(&evaluation.split);
    Ok(Section::Present {
        value: Utility { split, sequences, tokens, base_loss, released_loss, control, control_clipped },
    })
}

fn selftest(run: &Path, trained_by: &str) -> Result<Section<Selftest>, Error> {
    let path = run.join("public").join("selftest.json");
    let Some(receipt) = folder::json::<Receipt>(&path)? else {
        let reason = "public/selftest.json does not exist; `privet selftest -o RUN/public/selftest.json` writes it";
        return Ok(Section::Absent { reason: reason.to_owned() });
    };
    folder::require_format(&path, &receipt.format, folder::SELFTEST_FORMAT)?;
    let within = |check: &ReceiptCheck| {
        check.statistic.is_some_and(|found| found <= check.at_most && check.at_least.is_none_or(|least| found >= least))
    };
    let failed: Vec<String> =
        receipt.checks.iter().filter(|check| !within(check)).map(|check| clean(&check.name)).collect();
    Ok(Section::Present {
        value: Selftest {
            passed: failed.is_empty() && !receipt.checks.is_empty(),
            checks: receipt.checks.len() as u64,
            failed,
            size: clean(&receipt.size),
            device: clean(&receipt.device),
            same_program: receipt.binary_hash == trained_by,
        },
    })
}

fn provenance(plan: &Plan) -> Provenance {
    Provenance {
        privet_version: clean(&plan.privet_version),
        report_version: env!("CARGO_PKG_VERSION").to_owned(),
        declared_synthetic: plan.declared_synthetic,
        base_model: clean(&plan.model.base_model),
        base_model_digest: clean(&plan.model.base_model_digest),
        architecture: clean(&plan.model.architecture),
        column: clean(&plan.data.column),
    }
}
