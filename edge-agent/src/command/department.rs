//! `department`.

use clap::Subcommand;
use shared_model::entity::DepartmentLevel;
use shared_model::text::{Code, Name};

use super::context::Context;
use super::exit::Exit;
use super::scope::choice;
use super::table::{Table, cell};
use crate::control::organisation::{AddDepartment, ListDepartments};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a department, section, line or floor
    Add {
        /// Its short code
        #[arg(long)]
        code: Code,
        /// What it is called
        #[arg(long)]
        name: Name,
        /// department, section, line or floor
        #[arg(long, default_value = "department", value_parser = choice(DepartmentLevel::parse, DepartmentLevel::ALL))]
        level: DepartmentLevel,
        /// The code of the one it belongs to
        #[arg(long, value_name = "CODE")]
        parent: Option<Code>,
        /// The code of the site it is at; without one it is at every site
        #[arg(long, value_name = "CODE")]
        site: Option<Code>,
    },
    /// List departments, sections, lines and floors
    List,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add { code, name, level, parent, site } => {
                context.save(AddDepartment { code, name, level, parent, site }).await
            }
            Self::List => {
                let departments = context.read(ListDepartments {}).await?;
                context.output.answer(&departments, || {
                    let mut table = Table::new(&["CODE", "NAME", "LEVEL", "PARENT", "SITE"]);
                    for department in departments.iter().filter(|department| department.active) {
                        table.row([
                            department.code.to_string(),
                            department.name.to_string(),
                            department.level.to_string(),
                            cell(department.parent.as_ref()),
                            cell(department.site.as_ref()),
                        ]);
                    }
                    table.text("There is no department yet.")
                })?;
                Ok(Exit::Done)
            }
        }
    }
}
