# The page of a day.

today-title = Today
today-days = Days
today-day-before = The day before
today-day-after = The day after
today-back = Back to today
today-figures = Figures of the day
today-present = Present
today-present-note = { $share } · { $inside } inside
today-late = Late
today-late-note = { $share } of those present
today-absent = Absent
today-share-note = { $share } of all
today-open = Provisional
today-open-note = Known once shifts and clocks are done
today-open-none = Every day is final
today-open-awaited = { $count } not in yet
today-leave = On leave
today-leave-note = Whole days
today-off = Off
today-off-note = Weekly off and holidays
today-of = { $part } of { $whole }
today-people = People
today-filtered = { $what }: { $count }
today-none = Nobody
today-none-text = On this day nobody is on this list.
today-nobody = No people yet
today-nobody-text = Import your list of employees, or add them one by one. Punches are collected meanwhile and count from the first day.
today-silent = { $count ->
    [one] The clock { $names } does not answer. Who is not in stays provisional until it reports; nobody is marked absent.
   *[other] These clocks do not answer: { $names }. Who is not in stays provisional until they report; nobody is marked absent.
}
today-doubtful = { $count ->
    [one] A punch of this person has a doubtful time:
   *[other] { $count } people have punches with a doubtful time:
}
today-doubtful-more = and more
today-silent-link = See the clocks

day-date = Date
day-status = Status
day-shift = Shift
day-in = In
day-out = Out
day-worked = Worked
day-late = Late
day-overtime = Overtime
day-punches = Punches

feed-title = Punches now
feed-empty = No punch yet. The next one shows up here within seconds.
feed-unknown = Unknown code { $code }

departments-title = Departments
legend-in-time = In time
legend-late = Late
legend-absent = Absent
legend-open = Provisional

steps-title = Getting started
steps-done = Done
steps-clocks = Connect a clock
steps-clocks-text = Add it by its address, or adopt one that reports by itself.
steps-clocks-go = Clocks
steps-people = Bring in your people
steps-people-text = Import a list from a spreadsheet; the code is the number people have on the clock.
steps-people-go = Import
steps-rules = Check the hours
steps-rules-text = Shifts, weekly off and grace decide who is late or absent.
steps-rules-go = Shifts
steps-cloud = Connect the cloud
steps-cloud-text = Optional: brings several sites together. Everything here works without it.
steps-cloud-go = Sync
