# People, their form, the import, one person's month.

people-title = People
people-count = { $count ->
    [0] Nobody yet
    [one] { $count } person
   *[other] { $count } people
}
people-add = Add person
people-import = Import list
people-back = All people
people-search = Name or code
people-show = Who is shown
people-show-active = Working here
people-show-left = Left
people-show-all = Everybody
people-name = Name
people-code = Code
people-code-hint = The number on the card; usually also the number on the clock.
people-code-taken = Somebody has this code already, as an employee code or on the clocks.
people-department = Department
people-designation = Designation
people-category = Category
people-gender = Gender
people-joined = Joined
people-counted-from = No joining date: counted from { $date }
people-left = Left
people-left-hint = The last day of work. Leave it empty while the person works here.
people-left-before-joined = The last day cannot be before the first.
people-phone = Telephone
people-card = Badge card
people-state = State
people-active = Active
people-left-state = Left
people-empty = No people yet
people-empty-text = Import the list you already have as a spreadsheet, or add people one by one.
people-unknown-note = { $count ->
    [one] { $count } code was punched that belongs to nobody.
   *[other] { $count } codes were punched that belong to nobody.
}
people-unknown-link = Show them
people-add-title = Add a person
people-add-lead = Only code is needed, and a name for new people. An empty cell leaves what is there. The rest can follow.
people-edit-title = Edit person
people-added = { $name } was added.
people-saved = { $name } was saved.

category-worker = Worker
category-staff = Staff
gender-unknown = Not given
gender-female = Female
gender-male = Male
gender-other = Other

unknown-title = Codes that belong to nobody
unknown-lead = Punched within the last 31 days. Their punches are kept and count as soon as the code belongs to somebody.
unknown-code = Code
unknown-name = Name on the clock
unknown-punches = Punches
unknown-newest = Newest
unknown-none = Every code has its person
unknown-none-text = All punches of the last 31 days belong to somebody.

import-title = Import people
import-lead = From a spreadsheet, saved as CSV.
import-file = File
import-file-hint = CSV in UTF-8, up to 16 MB. Commas or semicolons between the fields.
import-go = Import
import-help = What the file holds
import-help-columns = The first line names the columns, in any order:
import-help-needed = Only code and name are needed. Dates are written 2026-11-21 or 21/11/2026. Departments that do not exist yet are made.
import-help-again = Importing the same file again is harmless: people are found by their code and only changes are written.
import-example = Download an example
import-empty = The file is empty, or its first line does not name the columns.
import-too-large = The file is larger than { $megabytes } MB or has more than { $lines } lines. Please split it.
import-encoding = The file is not UTF-8 text. Save it as “CSV UTF-8” and try again.
import-no-column = The first line does not name the column “{ $column }”.
import-no-csv = The file cannot be taken apart into lines and fields. Save it as “CSV UTF-8” and try again.
import-two-columns = The columns “{ $first }” and “{ $second }” both hold “{ $column }”. Remove one of them.
import-line-missing = “{ $column }” is empty.
import-line-value = “{ $column }” cannot be “{ $value }”.
import-line-spreadsheet = “{ $column }” cannot be “{ $value }”: a spreadsheet wrote the number so. Format the column as Text, type the codes again and save the file as CSV UTF-8.
import-line-invisible = “{ $column }” holds a character that nobody sees ({ $character }): “{ $value }”. Type it again.
import-line-twice = The code { $code } stands in line { $line } already.
import-line-no-name = A new person needs a name.
import-line-site = There is no site { $code }.
import-line-no-site = It does not say at which site.
import-line-department = No code can be made for the department “{ $name }”.
import-line-clock-twice = The clock code { $code } stands in line { $line } already.
import-line-clock-held = The clock code { $code } belongs to employee { $holder }.
imported-title = Import finished
imported-again = Import another file
imported-added = Added
imported-changed = Changed
imported-same = Unchanged
imported-departments = New departments
imported-refused = Not taken
imported-ignored = These columns are not understood and were left out: { $columns }
imported-clean = Every line was taken.
imported-refused-title = Lines that were not taken
imported-refused-text = Correct them in the file and import it again.
imported-line = Line
imported-problem = Problem
imported-more = { $count ->
    [one] And { $count } more line.
   *[other] And { $count } more lines.
}

person-facts = Person
person-codes = Codes on the clocks
person-codes-none = No code yet: punches of this person cannot be recognised.
person-every-clock = Every clock
person-code-since = From { $date }
person-code-until = Not from { $date } on
person-code-end = End a code
person-code-end-text = From a date on punches under the code are nobody’s, or another person’s. Punches before stay with this person.
person-code-end-from = { $code } ends on
person-code-give-to = Employee code of whom it is then (may stay empty)
person-code-end-go = End { $code }
person-code-ended = The code { $code } was ended.
person-code-not-ended = The code { $code } was not ended: check the date and the employee code.
person-code-nobody = There is no such employee code.
person-months = Months
person-month-before = The month before
person-month-after = The month after
person-month-figures = Figures of the month
person-overtime = { $hours } overtime
person-may-change = May still change

# Doubts about the time of a punch, on a person's day.

punch-doubt = { $time }: { $why }
punch-doubt-clock-drift = made while the clock was wrong, before it was set
punch-doubt-device-skew = the clock's time cannot be right
punch-doubt-device-backwards = the clock's time went back here
punch-doubt-edge-backwards = this computer's time had gone back
punch-doubt-unanchored = received while this computer's time was wrong
