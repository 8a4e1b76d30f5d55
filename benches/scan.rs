//! How fast text is scanned: bytes a second of `privet_text::scan`, default entities, on text with few and with many hits.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use privet_text::{Entity, recognizers, scan};

/// Sentences with one personal datum in every `every`-th.
fn text(every: usize) -> String {
    let data = ["ada.miller@mail.example.com", "+49 30 901820", "4111 1111 1111 1111", "192.0.2.44"];
    let sentence = |index: usize| match index % every {
        0 => format!("The order was sent by {} on day {index}. ", data[index / every % data.len()]),
        _ => format!("The lamp in room {index} was repaired and nobody had to be called. "),
    };
    (0..20_000).map(sentence).collect()
}

fn benchmark(criterion: &mut Criterion) {
    let recognizers = recognizers(&Entity::DEFAULT);
    let mut group = criterion.benchmark_group("scan");
    for (name, every) in [("one hit in 1000 sentences", 1000), ("one hit in 4 sentences", 4)] {
        let text = text(every);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| scan(&recognizers, black_box(&text))));
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
