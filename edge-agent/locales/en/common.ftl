# Navigation, roles, and words that many pages share.

nav-today = Today
nav-people = People
nav-clocks = Clocks
nav-sync = Sync
nav-rules = Shifts

role-owner = Company owner
role-hr-admin = HR administrator
role-site-admin = Site administrator
role-supervisor = Supervisor
role-auditor = Auditor
role-local-owner = Owner of this agent
role-operator = Operator

pill-alone = Not connected
pill-in-step = Up to date
pill-connecting = Connecting
pill-sending = Sending { $count }
pill-offline = { $count ->
    [0] Cloud away
   *[other] Cloud away · { $count } waiting
}
pill-retired = Retired by the cloud

edit = Edit
save = Save
filter-clear = Show all
list-count = { $count ->
    [one] { $count } person
   *[other] { $count } people
}
list-shown = { $shown } of { $total }
list-nothing = Nobody found
list-nothing-text = Nobody matches this search. Try a part of the name or the code.

form-code-bad = Use up to 32 characters without spaces.
form-choice-bad = Please choose one of the list.
form-date-bad = Please give a date.
form-time-bad = Please give a time such as 08:00.
form-minutes-bad = Please give whole minutes.
form-phone-bad = Use digits, spaces, + and - only.
form-text-bad = This text is too long or holds characters that cannot be kept.
form-stale = Somebody changed this while the form was open. Open it again to see the newest state; what you typed is still below.

department-all = All departments
department-none = No department
language-title = Language
password-hint = At least 8 characters. A few unrelated words are easy to keep in mind and hard to guess.

alarm-disk-full = The disk is full.
alarm-disk-full-advice = Clocks keep their punches and deliver them as soon as there is room. Nothing is lost; changes on these pages may be refused. Free some space on the disk that holds Muster’s data folder: it goes on by itself.
alarm-storage = The database cannot be written.
alarm-storage-advice = Clocks keep their punches meanwhile, and changes are refused. Have the disk of this machine looked at; “muster-edge doctor” says more.
