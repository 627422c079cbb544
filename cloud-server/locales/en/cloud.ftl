# Texts of the cloud's pages.

## Frame

nav-today = Today
nav-sites = Sites
nav-people = People
nav-conflicts = Conflicts
nav-clocks = Clocks
nav-edges = Edges
nav-companies = Companies
save = Save
back = Back
never = never
actions = Actions
total = Total
people = People
unknown-number = –

role-owner = Company owner
role-hr-admin = HR administrator
role-site-admin = Site administrator
role-supervisor = Supervisor
role-auditor = Auditor
role-local-owner = Owner of an agent
role-operator = Operator

## First run, passwords

setup-title = Set up this cloud
setup-lead = You become its operator: you add companies and give each its owner.
setup-token = One-time token
setup-token-hint = The server printed it when it started.
setup-name = Full name
setup-go = Set up
password-title = Set your password
password-lead = Type the one-time token that you were given.
password-token = One-time token
password-hint = At least 8 characters. A few unrelated words are easy to keep in mind and hard to guess.
password-go = Set password
password-set = The password is set. You can sign in now.
token-bad = The token is wrong, used, or too old.
name-bad = Please type a name of at most 120 characters.
email-bad = Please type an e-mail address.
email-taken = Somebody has this address already.

## Own account

account-title = My account
account-password-title = Change password
account-password-old = Present password
account-password-new = New password
account-password-save = Change password
account-password-wrong = This is not the present password.
account-password-changed = The password was changed. All other sessions were signed out.
language-title = Language

## Today

today-lead = As of { $at }. Refreshed by itself.
today-bar = { $present } of { $people } have come
today-of = of { $people ->
    [one] { $people } person
   *[other] { $people } people
}
today-present = Present
today-late = Late
today-late-note = Of those present
today-absent = Absent
today-absent-note = Certain: every clock has reported
today-uncertain = Not yet certain
today-uncertain-note = Waiting for the shift or a clock
today-off = Off or on leave
today-off-note = Weekly off, holidays and leave
today-figures = Figures of the day
today-read-through = clocks read up to { $at }
today-nobody = Nobody works here yet. People come with the site's edge.
department = Department
today-silent = { $count ->
    [one] The clock { $names } has not reported. Days stay uncertain until it does.
   *[other] These clocks have not reported: { $names }. Days stay uncertain until they do.
}
today-silent-link = See the clocks
legend-in-time = In time
legend-late = Late
legend-absent = Absent
legend-open = Not yet certain
department-none = No department

## Sites

site = Site
site-add = Add a site
site-added = The site { $name } was added.
site-name = Name
site-code = Short code
site-code-hint = Unique in the company, such as F1.
site-zone = Time zone
site-zone-hint = Clocks know no zone: theirs is taken from here.
zone-choose = Choose…
site-no-edge = None enrolled
site-make-code = Enrolment code
site-code-title = Enrolment code
site-code-life = Good once, for { $minutes } minutes. It is not shown again.
site-code-use = Type both on the edge agent in the site's server room: on its Sync page, or as a command:
site-code-cloud = Address of the cloud
sites-empty = No sites yet
sites-empty-text = A site is a factory or an office with its own clocks.
code-bad = Please type a short code without spaces.
code-taken = Another site has this code.
zone-bad = Please choose the time zone of this site.

## Clocks

clock = Clock
clocks-lead = The same punches counted at three places.
clocks-empty = No clocks yet
clocks-empty-text = They appear when a site's edge sends its first punches.
clocks-explained = A clock counts rows, the edge and the cloud count punches: rows delivered twice and rows that are no punches are told apart.
clocks-told = The edge last told its numbers { $ago }.
clock-read = Read up to
clock-standing = Edge and cloud
clock-equal = Equal
clock-coming = On their way
clock-newer = More since
clock-unknown = Not told yet
count-clock = At the clock
count-edge = At the edge
count-cloud = In the cloud
count-repeat = Repeats
count-quarantined = Set aside

## Edges

edge = Edge
edges-lead = The agents in the sites' server rooms.
edges-empty = No edges yet
edges-empty-text = Make an enrolment code for a site and type it on its edge agent.
edge-state = State
edge-since = Enrolled { $date }
edge-last-seen = Last seen
edge-waiting = Waiting to be sent
edge-version = Version
edge-retired = Retired
edge-never-seen = Never seen
edge-silent = Silent
edge-in-touch = In touch
edge-retire = Retire
edge-retire-confirm = Retire { $name }? It keeps collecting, but nothing is taken from it any more.
edge-was-retired = The edge is retired.
edge-new-life = The data folder of { $name } was restored or copied: noticed on { $at }, { $rows } punches and changes had to be sent then. Nothing is lost. If nobody restored it, a copy may be running elsewhere.
quarantine-waits = { $count ->
    [one] One row that came from an edge could not be applied and waits for a look.
   *[other] { $count } rows that came from edges could not be applied and wait for a look.
}
digest-title = Do both sides compute the same?
digest-lead = Final days of each month, worked out at the edge and here.
digest-empty = No edge has reported its results yet.
digest-month = Month
digest-edge-days = Days at the edge
digest-cloud-days = Days here
digest-agreement = Results
digest-nothing = None final yet
digest-same = The same
digest-waiting = Not all days yet
digest-different = Different
digest-other-engine = Other version

## Companies

switch-title = Change company
switch-shown = Shown now
switch-go = Show
switch-empty = You do not work in a company here
switch-empty-text = Ask its owner or the operator to add you.
companies-lead = Looking into a company is written down in the operator's log.
companies-back = All companies
company-open = Open
company-open-name = Open { $name }
company-suspended = Suspended
company-figures = Figures
companies-empty = No companies yet
companies-empty-text = Add the first one below.
company-add = Add a company
company-added = The company { $name } was added.
company-name = Company name
company-since = Since { $date }
company-lead = Its machinery. Its people are not shown here.
company-punches = Punches in the ledger
company-quarantined = Rows in quarantine
company-plan = Plan
owners = Owners
owners-empty = No owner yet
owner-ready = Ready
owner-invited = No password yet
owner-disabled = Disabled
owner-again = Type the address of somebody without a password again to get a new token.
owner-add = Add an owner
owner-lead = An owner sees everything of the company and adds others.
owner-added = { $name } is an owner now.
token-title = One-time token
token-lead = Give this to { $email }. With it the first password is set at the address below.
token-address = Where to type it
token-life = Good once, for { $hours } hours. It is not shown again.

## Needs attention

nav-attention = Needs attention
attention-lead = Numbers that two records share. Nothing is lost: both are kept, and attendance is worked out for both.
attention-empty = Nothing needs attention
attention-empty-text = When two factories give one number to two records, both are listed here.
attention-employees = Two people have the code { $key }
attention-clocks = Two clocks have the serial number { $key }
attention-shifts = Two shifts have the code { $key }
attention-departments = Two departments have the code { $key }
attention-sites = Two sites have the code { $key }
attention-without-key = Records without their number
attention-name = Name
attention-every-site = Every site
attention-entered = Entered at
attention-here = This cloud
attention-punches = Punches
attention-keep = Keep this one
attention-keep-confirm = Keep { $name }? The other record's clock codes, punches and phones go to this one, and the other one is no longer active. Its phone punches that still wait can only be rejected then. Nothing is deleted.
attention-was-kept = One record is kept; attendance is being worked out again. Phone punches of the other that still wait are marked under Approvals.
attention-how = Two different people: give one of them another code on a factory's edge agent. The same person entered twice: keep one of the two.
today-attention = { $count ->
    [one] One number is shared by two records.
   *[other] { $count } numbers are shared by several records.
}
today-attention-link = Have a look

## People

people-lead = What is changed here goes to the agents of the person's site.
people-search = Search by name or code
people-none = Nobody found
people-none-text = People come with the site's agent, or are added here.
people-more = More
person-add = Add a person
person-edit = Change a person
person-name = Name
person-code = Code
person-code-hint = The number on the card; unique in the company.
person-code-bad = Please type a code without spaces.
person-code-taken = Somebody else has this code.
person-site-bad = Please choose the person's site.
person-department-bad = Please choose a department of the list.
person-state = State
person-active = Works here
person-inactive = Left
person-saved = { $name } was saved.
clock-rename = Rename a clock
clock-name = Name
clock-saved = The clock is called { $name } now.

## Conflicts

conflicts-lead = Two changes of the same thing whose authors had not seen each other's. One counts; choose the other here if it is right.
conflicts-none = No conflicts
conflicts-none-text = Whatever two sides changed goes together.
conflict-what = What
conflict-standing = Was here
conflict-arriving = Came
conflict-nothing = Nothing, or deleted
conflict-counts = Counts now
conflict-keep = Keep this
conflict-take = Take this
conflict-field = two values
conflict-edit-versus-delete = changed after it was deleted
conflict-delete-versus-edit = deleted while it was changed
conflict-already-decided = decided twice
conflict-duplicate-key = taken by another record
conflict-settled = The conflict is settled; the agents get it with their next exchange.
conflict-gone = This conflict was settled or overtaken meanwhile.
conflict-impossible = This version cannot be taken as it is.
conflicts-wait = { $count ->
    [one] One conflict waits for a look.
   *[other] { $count } conflicts wait for a look.
}
records-title = Records
records-waiting = Being compared
records-moved = Changed since
records-same = The same
records-different = Different
records-alarm = The agent { $name } holds other records than the cloud: { $kinds }. It fetches all of them again.

## Kinds of records

kind-company = Company
kind-site = Site
kind-department = Department
kind-employee = Employee
kind-shift = Shift
kind-roster = Roster
kind-roster-day = Roster day
kind-policy = Policy
kind-holiday = Holiday
kind-leave = Leave
kind-device = Clock
kind-identity = Clock code
kind-punch-note = Note on a punch
kind-day-decision = Decision on a day
kind-pay-period = Pay period
kind-company-rule = Company rule
kind-phone-punch = Phone punch
