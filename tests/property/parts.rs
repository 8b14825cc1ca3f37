//! The parts of a program's runtime: its groups, and the services that take part in reloads.

use std::fmt;

use crate::payload::On;

/// Where a payload is handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Site {
    #[default]
    Runtime,
    /// In this group of the program; without any, in the runtime.
    In(usize),
    /// In the group of the payload that hands it in; outside of payloads, in the runtime.
    Own,
}

/// What becomes of a failure of a payload in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It goes on upward.
    Passes,
    MayFail,
    EachMayFail,
}

/// A group of a program, which is made before all else.
#[derive(Clone)]
pub struct GroupPlan {
    pub policy: Policy,
    pub limit: Option<usize>,
    /// The group that it is in, one of those before it.
    pub within: Option<usize>,
}

pub fn group(policy: Policy) -> GroupPlan {
    GroupPlan {
        policy,
        limit: None,
        within: None,
    }
}

impl GroupPlan {
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    pub fn within(mut self, other: usize) -> Self {
        self.within = Some(other);
        self
    }
}

/// What a service does when it is asked to reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Reloads,
    Refuses,
    /// It drops what it was asked.
    Drops,
    /// It never answers, and goes on.
    Keeps,
    /// It ends.
    Leaves,
    /// It is restarted instead.
    Restarts,
}

/// A service of a program, which is handed in before all else.
#[derive(Clone)]
pub struct ServicePlan {
    pub on: On,
    pub reply: Reply,
    /// It comes after the service before it.
    pub is_after: bool,
}

pub fn service(on: On, reply: Reply) -> ServicePlan {
    ServicePlan {
        on,
        reply,
        is_after: false,
    }
}

impl ServicePlan {
    /// After the service before it.
    pub fn after(mut self) -> Self {
        self.is_after = true;
        self
    }
}

impl fmt::Debug for GroupPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group({:?})", self.policy)?;
        if let Some(limit) = self.limit {
            write!(f, ".limit({limit})")?;
        }
        if let Some(other) = self.within {
            write!(f, ".within({other})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ServicePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service({:?}, {:?})", self.on, self.reply)?;
        if self.is_after {
            f.write_str(".after()")?;
        }
        Ok(())
    }
}
