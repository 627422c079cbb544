# কর্মী, তাঁদের ফর্ম, আমদানি, একজনের মাস।

people-title = কর্মী
people-count = { $count ->
    [0] এখনও কেউ নেই
    [one] { $count } জন
   *[other] { $count } জন
}
people-add = কর্মী যোগ করুন
people-import = তালিকা আমদানি
people-back = সব কর্মী
people-search = নাম বা কোড
people-show = কাদের দেখানো হবে
people-show-active = কর্মরত
people-show-left = চলে গেছেন
people-show-all = সবাই
people-name = নাম
people-code = কোড
people-code-hint = কার্ডের নম্বর; সাধারণত ঘড়িতেও এই নম্বর।
people-code-taken = এই কোডটি অন্য কারও আছে, কর্মী কোড হিসেবে বা ঘড়িতে।
people-department = বিভাগ
people-designation = পদবি
people-category = শ্রেণি
people-gender = লিঙ্গ
people-joined = যোগদান
people-counted-from = যোগদানের তারিখ নেই: { $date } থেকে গোনা হচ্ছে
people-left = চলে যাওয়া
people-left-hint = কাজের শেষ দিন। কর্মরত থাকলে খালি রাখুন।
people-left-before-joined = শেষ দিন প্রথম দিনের আগে হতে পারে না।
people-phone = টেলিফোন
people-card = ব্যাজ কার্ড
people-state = অবস্থা
people-active = সক্রিয়
people-left-state = চলে গেছেন
people-empty = এখনও কোনো কর্মী নেই
people-empty-text = আপনার স্প্রেডশিটের তালিকা আমদানি করুন, অথবা একজন একজন করে যোগ করুন।
people-unknown-note = { $count ->
    [one] এমন { $count }টি কোডে পাঞ্চ হয়েছে যা কারও নয়।
   *[other] এমন { $count }টি কোডে পাঞ্চ হয়েছে যা কারও নয়।
}
people-unknown-link = দেখান
people-add-title = কর্মী যোগ করুন
people-add-lead = শুধু কোড ও নাম দরকার। বাকিটা পরে দেওয়া যাবে।
people-edit-title = কর্মী সম্পাদনা
people-added = { $name } যোগ হয়েছেন।
people-saved = { $name } সংরক্ষিত হয়েছেন।

category-worker = শ্রমিক
category-staff = কর্মচারী
gender-unknown = দেওয়া হয়নি
gender-female = নারী
gender-male = পুরুষ
gender-other = অন্যান্য

unknown-title = যে কোডগুলো কারও নয়
unknown-lead = গত ৩১ দিনে পাঞ্চ হয়েছে। পাঞ্চগুলো রাখা আছে এবং কোডটি কারও হলেই গণনা হবে।
unknown-code = কোড
unknown-name = ঘড়িতে নাম
unknown-punches = পাঞ্চ
unknown-newest = সর্বশেষ
unknown-none = প্রতিটি কোডের কর্মী আছে
unknown-none-text = গত ৩১ দিনের সব পাঞ্চ কারও না কারও।

import-title = কর্মী আমদানি
import-lead = CSV হিসেবে সংরক্ষিত স্প্রেডশিট থেকে।
import-file = ফাইল
import-file-hint = UTF-8 CSV, সর্বোচ্চ ১৬ MB। ঘরগুলোর মাঝে কমা বা সেমিকোলন।
import-go = আমদানি করুন
import-help = ফাইলে যা থাকে
import-help-columns = প্রথম লাইনে কলামের নাম, যেকোনো ক্রমে:
import-help-needed = শুধু code দরকার, নতুন কর্মীর জন্য নামও। খালি ঘরে আগেরটাই থাকে। তারিখ লেখা হয় 2026-11-21 বা 21/11/2026। যে বিভাগ নেই তা তৈরি হবে।
import-help-again = একই ফাইল আবার আমদানি করলে ক্ষতি নেই: কোড দিয়ে কর্মী খোঁজা হয়, শুধু পরিবর্তন লেখা হয়।
import-example = একটি নমুনা নামান
import-empty = ফাইলটি খালি, অথবা প্রথম লাইনে কলামের নাম নেই।
import-too-large = ফাইলটি { $megabytes } MB-এর বেশি, অথবা { $lines } লাইনের বেশি। ভাগ করে নিন।
import-encoding = ফাইলটি UTF-8 নয়। “CSV UTF-8” হিসেবে সংরক্ষণ করে আবার চেষ্টা করুন।
import-no-column = প্রথম লাইনে “{ $column }” কলাম নেই।
import-no-csv = ফাইলটি লাইন ও ঘরে ভাগ করা যায় না। “CSV UTF-8” হিসেবে সংরক্ষণ করে আবার চেষ্টা করুন।
import-two-columns = “{ $first }” ও “{ $second }” দুই কলামই “{ $column }”। একটি মুছে দিন।
import-line-missing = “{ $column }” খালি।
import-line-value = “{ $column }” হিসেবে “{ $value }” চলে না।
import-line-spreadsheet = “{ $column }” হিসেবে “{ $value }” চলে না: স্প্রেডশিট সংখ্যাটি এভাবে লিখেছে। কলামটি Text হিসেবে সাজান, কোডগুলো আবার লিখুন এবং ফাইলটি CSV UTF-8 হিসেবে সংরক্ষণ করুন।
import-line-invisible = “{ $column }”-এ এমন একটি অক্ষর আছে যা দেখা যায় না ({ $character }): “{ $value }”। আবার লিখুন।
import-line-twice = { $code } কোডটি { $line } নম্বর লাইনে আগেই আছে।
import-line-no-name = নতুন কর্মীর নাম দরকার।
import-line-site = { $code } নামে কোনো সাইট নেই।
import-line-no-site = কোন সাইটের, তা বলা নেই।
import-line-department = “{ $name }” বিভাগের জন্য কোনো কোড তৈরি করা যায় না।
import-line-clock-twice = ঘড়ির কোড { $code } { $line } নম্বর লাইনে আগেই আছে।
import-line-clock-held = ঘড়ির কোড { $code } কর্মী { $holder }-এর।
imported-title = আমদানি শেষ
imported-again = আরেকটি ফাইল আমদানি
imported-added = যোগ হয়েছে
imported-changed = বদলেছে
imported-same = অপরিবর্তিত
imported-departments = নতুন বিভাগ
imported-refused = নেওয়া হয়নি
imported-ignored = এই কলামগুলো বোঝা যায়নি, বাদ দেওয়া হয়েছে: { $columns }
imported-clean = প্রতিটি লাইন নেওয়া হয়েছে।
imported-refused-title = যে লাইনগুলো নেওয়া হয়নি
imported-refused-text = ফাইলে ঠিক করে আবার আমদানি করুন।
imported-line = লাইন
imported-problem = সমস্যা
imported-more = { $count ->
    [one] আরও { $count }টি লাইন।
   *[other] আরও { $count }টি লাইন।
}

person-facts = কর্মী
person-codes = ঘড়িতে কোড
person-codes-none = এখনও কোড নেই: এই কর্মীর পাঞ্চ চেনা যাবে না।
person-every-clock = প্রতিটি ঘড়ি
person-code-since = { $date } থেকে
person-code-until = { $date } থেকে আর নয়
person-code-end = কোড শেষ করুন
person-code-end-text = একটি তারিখ থেকে এই কোডের পাঞ্চ কারও নয়, অথবা অন্য কর্মীর। আগের পাঞ্চ এই কর্মীরই থাকে।
person-code-end-from = { $code } শেষ হবে
person-code-give-to = এরপর যাঁর, তাঁর কর্মী কোড (খালি রাখা যায়)
person-code-end-go = { $code } শেষ করুন
person-code-ended = { $code } কোডটি শেষ করা হয়েছে।
person-code-not-ended = { $code } কোডটি শেষ করা হয়নি: তারিখ ও কর্মী কোড দেখুন।
person-code-nobody = এমন কোনো কর্মী কোড নেই।
person-months = মাস
person-month-before = আগের মাস
person-month-after = পরের মাস
person-month-figures = মাসের সংখ্যা
person-overtime = { $hours } ওভারটাইম
person-may-change = এখনও বদলাতে পারে

# একজনের দিনে পাঞ্চের সময় নিয়ে সন্দেহ।

punch-doubt = { $time }: { $why }
punch-doubt-clock-drift = ঘড়ি ঠিক করার আগে, ঘড়ির সময় ভুল থাকতে দেওয়া
punch-doubt-device-skew = ঘড়ির সময় ঠিক হতে পারে না
punch-doubt-device-backwards = এখানে ঘড়ির সময় পিছিয়ে গেছে
punch-doubt-edge-backwards = এই কম্পিউটারের সময় পিছিয়ে গিয়েছিল
punch-doubt-unanchored = এই কম্পিউটারের সময় ভুল থাকতে পাওয়া
