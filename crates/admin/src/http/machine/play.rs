//! A connection whose pieces and times are chosen by bytes.

use super::*;

const START: Duration = Duration::from_secs(100);

/// Whatever comes, it keeps its bounds, and ends in one of the few ways there are.
pub(crate) fn play(bytes: &[u8]) {
    let (mut machine, mut now) = (Machine::new(START), START);
    let (mut rest, mut steps) = (bytes, 0_usize);
    while let Some((first, others)) = rest.split_first() {
        let size = usize::from(*first).min(others.len()).min(machine.room());
        let (piece, others) = others.split_at(size);
        rest = others;
        now += Duration::from_millis(u64::from(*first));
        machine.push(now, piece);
        assert!(machine.input.len() <= HEAD);
        loop {
            let step = machine.step(now);
            steps += 1;
            assert!(steps <= 4 * bytes.len() + 4, "it does not come to an end");
            match step {
                Step::Answer(request) => {
                    assert!(request.path.starts_with('/') && request.body <= BODY);
                    machine.answered(now);
                }
                Step::Refuse(refusal) => {
                    assert!((400..600).contains(&refusal.status) && !refusal.text.is_empty());
                    assert!(machine.input.is_empty());
                }
                Step::Continue => {}
                Step::Wait => break,
                Step::Close => return,
            }
        }
        if machine.deadline().is_some_and(|deadline| deadline <= now)
            && machine.late(now) == Step::Close
        {
            return;
        }
    }
}
