use super::*;

/// Something that happens in a factory.
#[derive(Debug, Clone)]
enum Act {
    Punch {
        who: u8,
        day: u8,
        minute: u16,
    },
    /// At a clock with a wrong date, or before a long time away.
    Old {
        who: u8,
        month: u8,
    },
    Joined {
        who: u8,
        day: u8,
    },
    Cell {
        who: u8,
        day: u8,
        off: bool,
    },
    Policy {
        grace: u8,
        day: u8,
    },
    Read {
        day: u8,
    },
    Pass {
        hours: u8,
    },
    Work,
}

fn act() -> impl Strategy<Value = Act> {
    let (who, day) = (0..3u8, 1..21u8);
    prop_oneof![
        8 => (who.clone(), day.clone(), 360..1430u16).prop_map(|(who, day, minute)| Act::Punch { who, day, minute }),
        1 => (who.clone(), 5..23u8).prop_map(|(who, month)| Act::Old { who, month }),
        1 => (who.clone(), day.clone()).prop_map(|(who, day)| Act::Joined { who, day }),
        1 => (who, day.clone(), any::<bool>()).prop_map(|(who, day, off)| Act::Cell { who, day, off }),
        1 => (0..20u8, day.clone()).prop_map(|(grace, day)| Act::Policy { grace, day }),
        2 => day.prop_map(|day| Act::Read { day }),
        1 => (1..30u8).prop_map(|hours| Act::Pass { hours }),
        3 => Just(Act::Work),
    ]
}

impl Factory {
    fn act(&mut self, people: &[EmployeeId], act: &Act) {
        let day_of = |day: u8| format!("2026-11-{day:02}");
        match act {
            Act::Punch { who, day, minute } => {
                let time = format!("{}T{:02}:{:02}:00", day_of(*day), minute / 60, minute % 60);
                self.punch(&who.to_string(), &[&time]);
            }
            Act::Old { who, month } => {
                let (year, month) = (2025 + u16::from(month / 12), month % 12 + 1);
                self.punch(&who.to_string(), &[&format!("{year}-{month:02}-10T08:00:00")]);
            }
            Act::Joined { who, day } => self.join(people[usize::from(*who)], &day_of(*day)),
            Act::Cell { who, day, off } => {
                let shifts = RosterDayShifts(if *off { Vec::new() } else { vec![self.shift] });
                let (employee, date) = (people[usize::from(*who)], date(&day_of(*day)));
                create(&self.store, RosterDay { employee, date, shifts: shifts.to_document(), note: None });
            }
            Act::Policy { grace, day } => {
                let mut rules = PolicyRules::default();
                rules.grace.late_min = Minutes::new((*grace).into());
                // The week makes days depend on each other.
                let tiers =
                    vec![Tier { id: "week".into(), over_min: Minutes::new(1200), rate: Rate::DOUBLE }];
                let weekly = Some(WeeklyOvertime { tiers, counts: WeeklyCounts::NotDailyOt });
                rules.overtime = OvertimeRules { weekly, ..OvertimeRules::default() };
                let policy = Policy {
                    name: "Policy".parse().unwrap(),
                    effective_from: date(&day_of(*day)),
                    scope_kind: ScopeKind::Company,
                    scope: None::<uuid::Uuid>,
                    rules: rules.to_document(),
                };
                create(&self.store, policy);
            }
            Act::Read { day } => self.read_through(&format!("{}T23:30:00", day_of(*day))),
            Act::Pass { hours } => {
                let more = i64::from(*hours) * 3_600_000;
                self.clock.0.fetch_add(more, Ordering::SeqCst);
            }
            Act::Work => self.work(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_worked_out_bit_by_bit_equals_a_recompute_of_everything(acts in prop::collection::vec(act(), 1..40)) {
        let mut factory = Factory::new("2026-11-15T12:00:00");
        let people = ["0", "1", "2"].map(|code| factory.worker(code));
        for act in &acts {
            factory.act(&people, act);
        }
        factory.work();
        let bit_by_bit = factory.stored();
        factory.start_over();
        let at_once = factory.stored();
        let only_in = |a: &[String], b: &[String]| a.iter().filter(|row| !b.contains(row)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(only_in(&bit_by_bit, &at_once), only_in(&at_once, &bit_by_bit));
    }
}
