//! What is asked of the server.

use std::sync::Arc;
use std::time::Duration;

use foster_engine::{Nudge, failed, limit};
use foster_lease::{Acquired, LeaseError, Renewed};
use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql, Type};

use crate::server::{Server, Unanswered, jittered};
use crate::table::{Table, below};

/// How often the table is made, where others make it as well.
const TRIES: u32 = 20;

/// One lease, and how to ask for it.
pub(crate) struct Requests {
    pub(crate) server: Arc<Server>,
    pub(crate) table: Arc<Table>,
    pub(crate) name: String,
    pub(crate) holder: String,
    pub(crate) length: Duration,
    pub(crate) look_every: Duration,
}

impl Requests {
    /// What errors say.
    pub(crate) fn doing(&self, what: &str) -> String {
        format!("{}: {what} of `{}`", self.server.place, self.name)
    }

    pub(crate) async fn acquire(&self) -> Result<Acquired, LeaseError> {
        let seconds = self.length.as_secs_f64();
        let values: [(&(dyn ToSql + Sync), Type); 3] = [
            (&self.name, Type::TEXT),
            (&self.holder, Type::TEXT),
            (&seconds, Type::FLOAT8),
        ];
        let rows = self.ask(&self.table.acquire, &values).await?;
        let Some(row) = rows.first() else {
            return Ok(Acquired::taken(None));
        };
        match get::<Option<i64>>(row, 0)? {
            Some(fence) => Ok(Acquired::held(
                u64::try_from(fence).map_err(LeaseError::new)?,
            )),
            None => Ok(Acquired::taken(get(row, 1)?)),
        }
    }

    pub(crate) async fn renew(&self, fence: u64) -> Result<Renewed, LeaseError> {
        // No row has one that is greater.
        let Ok(fence) = i64::try_from(fence) else {
            return Ok(Renewed::Lost);
        };
        let seconds = self.length.as_secs_f64();
        let values: [(&(dyn ToSql + Sync), Type); 3] = [
            (&self.name, Type::TEXT),
            (&fence, Type::INT8),
            (&seconds, Type::FLOAT8),
        ];
        let rows = self.ask(&self.table.renew, &values).await?;
        Ok(match rows.is_empty() {
            true => Renewed::Lost,
            false => Renewed::Kept,
        })
    }

    pub(crate) async fn release(&self, fence: u64) -> Result<(), LeaseError> {
        let Ok(fence) = i64::try_from(fence) else {
            return Ok(());
        };
        let values: [(&(dyn ToSql + Sync), Type); 2] =
            [(&self.name, Type::TEXT), (&fence, Type::INT8)];
        self.ask(&self.table.release, &values).await?;
        Ok(())
    }

    pub(crate) async fn members(&self) -> Result<Vec<String>, LeaseError> {
        let (from, to) = below(&self.name);
        let values: [(&(dyn ToSql + Sync), Type); 2] = [(&from, Type::TEXT), (&to, Type::TEXT)];
        let rows = self.ask(&self.table.members, &values).await?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    /// Ends when nobody holds it.
    pub(crate) async fn until_free(&self, nudge: &Nudge) -> Result<(), LeaseError> {
        let limit = limit(self.length);
        let values: [(&(dyn ToSql + Sync), Type); 1] = [(&self.name, Type::TEXT)];
        loop {
            let rows = timeout(limit, self.ask(&self.table.look, &values)).await;
            let rows = match rows {
                Ok(Ok(rows)) => rows,
                Ok(Err(error)) => return Err(failed(self.doing("the watch"), error)),
                Err(_) => {
                    return Err(failed(
                        self.doing("the watch"),
                        format!("no answer within {limit:?}"),
                    ));
                }
            };
            let Some(row) = rows.first() else {
                return Ok(());
            };
            // Below nought if it has just run out.
            let left = Duration::try_from_secs_f64(get(row, 0)?).unwrap_or_default();
            // If somebody comes, it may be free already, and that one wants to know it at once.
            let _ = timeout(left.min(jittered(self.look_every)), nudge.came()).await;
        }
    }

    /// Makes the table, if there is none.
    pub(crate) async fn create(server: &Arc<Server>, table: &Table) -> Result<(), LeaseError> {
        let mut tries = 0;
        loop {
            let error = match server.ask(&table.create, &[]).await {
                Ok(_) => return Ok(()),
                Err(Unanswered::Refused(error)) => error,
                Err(Unanswered::Away(error)) => return Err(error),
            };
            // Another one makes it at this moment, which PostgreSQL notices late. A type of that name would stay.
            let is_made = matches!(
                error.code(),
                Some(
                    &SqlState::UNIQUE_VIOLATION
                        | &SqlState::DUPLICATE_TABLE
                        | &SqlState::DUPLICATE_OBJECT
                )
            );
            tries += 1;
            if !is_made || tries == TRIES {
                return Err(LeaseError::new(error));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(
        &self,
        statement: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, LeaseError> {
        self.server
            .ask(statement, values)
            .await
            .map_err(|error| match error {
                Unanswered::Away(error) => error,
                Unanswered::Refused(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => {
                    let hint = format!(
                        "there is no table `{}`, which `Postgres::create_table` makes",
                        self.table.name
                    );
                    failed(hint, error)
                }
                Unanswered::Refused(error) => LeaseError::new(error),
            })
    }
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, LeaseError> {
    row.try_get(column).map_err(LeaseError::new)
}
