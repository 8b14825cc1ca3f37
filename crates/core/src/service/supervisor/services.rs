//! What the lifetime asks of the supervisor: [`Services`].

use super::*;

/// How long whoever moves a manual clock waits for all that fell due to be done, at most, in real time.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

impl Services for Supervisor {
    fn seal(&self) -> Result<(), RunError> {
        let mut guarded = self.lock();
        guarded.check_enlisted()?;
        guarded.roster.seal()
    }

    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()> {
        self.hand_in_enlisted(lifetime)
    }

    fn end_unrun(&self, lifetime: &Lifetime) {
        self.end_enlisted(lifetime);
    }

    fn forget(&self) {
        // Bound to a name so that it is dropped after the lock.
        let _roster = std::mem::take(&mut self.lock().roster);
    }

    fn over(&self) -> usize {
        self.over.load(SeqCst)
    }

    fn served(&self) -> usize {
        self.served.load(SeqCst)
    }

    fn poke(&self) {
        self.bell.ring();
    }

    fn reload_aside(&self) {
        self.reload_soon();
    }

    fn begin_stop(&self, lifetime: &Arc<Lifetime>) {
        if self.lock().thread.is_some() {
            self.bring(lifetime, By::User, Happening::Due, &[]);
        }
    }

    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant> {
        let due = self.lock().next_due()?;
        Some(lifetime.instant(due))
    }

    fn is_inside(&self, lifetime: &Lifetime) -> bool {
        let is_of = |task: &Arc<Task>| std::ptr::eq(Arc::as_ptr(task.lifetime()), lifetime);
        task::current().as_ref().is_some_and(is_of)
    }

    fn catch_up(&self, lifetime: &Arc<Lifetime>) {
        if self.lock().thread.is_none() {
            return;
        }
        self.bring(lifetime, By::User, Happening::Due, &[]);
        // A payload of this runtime would wait for itself, if its own flavour is to do something.
        if !self.is_inside(lifetime) {
            let by = Instant::now() + CAUGHT_UP_WITHIN;
            drop(self.wait_until(by, |guarded| guarded.has_caught_up(lifetime)));
        }
    }

    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool) {
        let over = Happening::GraceOver { by_signal };
        self.bring(lifetime, By::Foster, over, &[]);
    }

    fn look_at(&self, lifetime: &Arc<Lifetime>, group: &GroupPart) {
        let known = self.lock().group(group).cloned();
        if let Some(event) = known.and_then(|group| self.look(&group)) {
            self.bring(lifetime, By::User, event, &[]);
        }
    }

    fn fail_in(&self, lifetime: &Arc<Lifetime>, group: &GroupPart, failure: Box<Failure>) {
        let is_error = failure.kind() == FailureKind::Error;
        let failed = Happening::MemberFailed {
            group: id_of(group),
            failure,
            is_error,
        };
        self.bring(lifetime, By::User, failed, &[]);
    }

    fn end_parent(&self, lifetime: &Arc<Lifetime>, address: usize, has_failed: bool) {
        self.end_family(lifetime, address, has_failed);
    }

    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport {
        self.close_by(lifetime, by)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
