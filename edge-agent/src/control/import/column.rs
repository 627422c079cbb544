//! The columns of an employee file: which heading stands for which field, and how its cells are read.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::UserCode;
use shared_model::entity::{EmployeeCategory, Gender};
use shared_model::text::{Code, EmployeeCode, Line, Name, Phone};

use super::super::employee::EmployeeFields;

/// A field that a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// The number on the card.
    Code,
    /// What the person is called.
    Name,
    /// The department, by code or name.
    Department,
    /// Nature of work.
    Designation,
    /// First day of work.
    Joined,
    /// Last day of work.
    Left,
    /// The code of the home site.
    Site,
    /// Worker or staff.
    Category,
    /// Gender.
    Gender,
    /// Telephone number.
    Phone,
    /// Number of the badge card.
    Card,
    /// The code under which every clock knows the person.
    ClockCode,
    /// Whether the person counts in reports of today.
    Active,
}

/// The columns with their headings, in small letters without spaces and signs; the first is the field's own name.
const HEADINGS: &[(Column, &[&str])] = &[
    (
        Column::Code,
        &[
            "code",
            "employeecode",
            "empcode",
            "employeeid",
            "empid",
            "employeeno",
            "empno",
            "employeenumber",
            "staffid",
            "staffno",
            "workerid",
            "idno",
        ],
    ),
    (Column::Name, &["name", "employeename", "empname", "fullname", "staffname", "workername"]),
    (Column::Department, &["department", "dept", "departmentname", "deptname", "departmentcode", "section"]),
    (Column::Designation, &["designation", "position", "jobtitle", "title", "post", "natureofwork"]),
    (Column::Joined, &["joined", "joiningdate", "dateofjoining", "joindate", "doj", "hiredate", "hired"]),
    (Column::Left, &["left", "leavingdate", "dateofleaving", "lastday", "resigned", "separationdate"]),
    (Column::Site, &["site", "sitecode", "factory", "unit", "branch"]),
    (Column::Category, &["category", "employeecategory", "employeetype", "type"]),
    (Column::Gender, &["gender", "sex"]),
    (Column::Phone, &["phone", "mobile", "mobileno", "phoneno", "telephone", "contactno", "cell"]),
    (Column::Card, &["card", "cardno", "cardnumber", "badge", "badgeno", "rfid", "proximitycard"]),
    (
        Column::ClockCode,
        &[
            "clockcode",
            "clockid",
            "deviceid",
            "deviceuserid",
            "userid",
            "pin",
            "enrollid",
            "enrolmentid",
            "enrollno",
            "biometricid",
            "machineid",
            "fingerid",
            "punchid",
            "acno",
        ],
    ),
    (Column::Active, &["active", "status", "state"]),
];

/// A heading in small letters without spaces and signs.
fn plain(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads `FIELD=HEADING`.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn mapping(text: &str) -> Result<(Column, String), String> {
    let (field, heading) =
        text.split_once('=').ok_or("write it as FIELD=HEADING, such as code=\"Card ID\"")?;
    let field = plain(field);
    let found = HEADINGS.iter().find(|(_, names)| names.first().is_some_and(|name| *name == field));
    let (column, _) = found.ok_or_else(|| {
        let names: Vec<&str> = HEADINGS.iter().map(|(column, _)| column.as_str()).collect();
        format!("no field is called {field}: one of {}", names.join(", "))
    })?;
    Ok((*column, heading.trim().to_owned()))
}

impl Column {
    /// Every column, as they are offered.
    pub const ALL: [Self; 13] = [
        Self::Code,
        Self::Name,
        Self::Department,
        Self::Designation,
        Self::Category,
        Self::Gender,
        Self::Joined,
        Self::Left,
        Self::Phone,
        Self::Card,
        Self::ClockCode,
        Self::Site,
        Self::Active,
    ];

    /// The column of a heading.
    pub(super) fn of(heading: &str) -> Option<Self> {
        let heading = plain(heading);
        HEADINGS.iter().find(|(_, names)| names.contains(&heading.as_str())).map(|(column, _)| *column)
    }

    /// The field's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Name => "name",
            Self::Department => "department",
            Self::Designation => "designation",
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Site => "site",
            Self::Category => "category",
            Self::Gender => "gender",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::ClockCode => "clock_code",
            Self::Active => "active",
        }
    }

    /// Reads a cell into its field; the employee code is read before.
    pub(super) fn read(self, cell: &str, fields: &mut EmployeeFields) -> Result<(), String> {
        fn text<T: std::str::FromStr<Err: std::fmt::Display>>(cell: &str) -> Result<Option<T>, String> {
            cell.parse().map(Some).map_err(|error: T::Err| error.to_string())
        }
        match self {
            Self::Code => fields.code = EmployeeCode::parse(cell).map_err(|error| error.to_string())?,
            Self::Name => fields.name = text::<Name>(cell)?,
            Self::Department => fields.department = text::<Name>(cell)?,
            Self::Designation => fields.designation = text::<Line>(cell)?,
            Self::Joined => fields.joined = Some(date(cell)?),
            Self::Left => fields.left = Some(date(cell)?),
            Self::Site => fields.site = text::<Code>(cell)?,
            Self::Category => fields.category = Some(category(cell)?),
            Self::Gender => fields.gender = Some(gender(cell)?),
            Self::Phone => fields.phone = text::<Phone>(cell)?,
            Self::Card => fields.card = text::<Code>(cell)?,
            Self::ClockCode => {
                let code = text::<UserCode>(cell)?;
                if code.as_ref().is_some_and(|code| code.internal_serial().is_some()) {
                    return Err(
                        "codes that begin with sn: stand for users whom a clock only numbers".to_owned()
                    );
                }
                fields.clock_code = code;
            }
            Self::Active => fields.active = Some(active(cell)?),
        }
        Ok(())
    }
}

/// A date: the year first, or the day first.
fn date(cell: &str) -> Result<NaiveDate, String> {
    // Sheets write a date with midnight behind it.
    let date = cell.split_once([' ', 'T']).map_or(cell, |(date, _)| date);
    let forms = ["%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d-%b-%Y", "%d/%b/%Y"];
    let found = forms.iter().find_map(|form| NaiveDate::parse_from_str(date, form).ok());
    // A year of two digits is read by some forms as one of the first century.
    let found = found.filter(|date| (1900..=2199).contains(&chrono::Datelike::year(date)));
    found.ok_or_else(|| format!("{cell:?} is no date: write it as 2026-11-21 or 21/11/2026"))
}

fn category(cell: &str) -> Result<EmployeeCategory, String> {
    match plain(cell).as_str() {
        "worker" | "labour" | "labor" | "operator" => Ok(EmployeeCategory::Worker),
        "staff" | "management" | "officer" => Ok(EmployeeCategory::Staff),
        _ => Err(format!("{cell:?} is neither worker nor staff")),
    }
}

fn gender(cell: &str) -> Result<Gender, String> {
    match plain(cell).as_str() {
        "f" | "female" | "woman" => Ok(Gender::Female),
        "m" | "male" | "man" => Ok(Gender::Male),
        "o" | "other" => Ok(Gender::Other),
        _ => Err(format!("{cell:?} is none of female, male, other")),
    }
}

fn active(cell: &str) -> Result<bool, String> {
    match plain(cell).as_str() {
        "1" | "yes" | "y" | "true" | "active" => Ok(true),
        "0" | "no" | "n" | "false" | "inactive" | "left" | "resigned" => Ok(false),
        _ => Err(format!("{cell:?} is neither yes nor no")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_understood_in_any_spelling() {
        for (heading, column) in [
            ("Employee Code", Column::Code),
            ("EMP_ID", Column::Code),
            (" name ", Column::Name),
            ("Date of Joining", Column::Joined),
            ("AC-No.", Column::ClockCode),
        ] {
            assert_eq!(Column::of(heading), Some(column), "{heading}");
        }
        assert_eq!(Column::of("Blood group"), None);
    }

    #[test]
    fn no_heading_stands_for_two_fields() {
        let mut seen = std::collections::HashSet::new();
        for (_, names) in HEADINGS {
            for name in *names {
                assert_eq!(plain(name), *name);
                assert!(seen.insert(*name), "{name}");
            }
        }
    }

    #[test]
    fn dates_are_read_year_first_or_day_first_and_nothing_else() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 3).unwrap();
        for text in
            ["2026-02-03", "03/02/2026", "3-2-2026", "03.02.2026", "3-Feb-2026", "2026-02-03 00:00:00"]
        {
            assert_eq!(date(text), Ok(day), "{text}");
        }
        for text in ["", "2026-02-30", "02/31/2026", "3/2/26", "yesterday", "45000"] {
            assert!(date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_is_given_a_code_that_stands_for_an_unknown_user() {
        let mut fields = EmployeeFields::of("7".parse().unwrap());
        assert!(Column::ClockCode.read("sn:4", &mut fields).unwrap_err().contains("sn:"));
        Column::ClockCode.read("4", &mut fields).unwrap();
        assert_eq!(fields.clock_code, Some("4".parse().unwrap()));
    }

    #[test]
    fn a_mapping_names_a_field_and_a_heading() {
        assert_eq!(mapping("clock_code=Finger No"), Ok((Column::ClockCode, "Finger No".to_owned())));
        assert!(mapping("height=cm").unwrap_err().contains("one of code, name"));
        assert!(mapping("code").is_err());
    }
}
