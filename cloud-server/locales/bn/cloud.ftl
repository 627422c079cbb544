# ক্লাউডের পাতার লেখা।

## কাঠামো

nav-today = আজ
nav-sites = সাইট
nav-people = কর্মী
nav-conflicts = দ্বন্দ্ব
nav-clocks = ঘড়ি
nav-edges = এজেন্ট
nav-companies = কোম্পানি
save = সংরক্ষণ
back = ফিরে যান
never = কখনও না
actions = কাজ
total = মোট
people = কর্মী
unknown-number = –

role-owner = কোম্পানির মালিক
role-hr-admin = এইচআর প্রশাসক
role-site-admin = সাইট প্রশাসক
role-supervisor = সুপারভাইজার
role-auditor = নিরীক্ষক
role-local-owner = একটি এজেন্টের মালিক
role-operator = অপারেটর

## প্রথম সেট-আপ, পাসওয়ার্ড

setup-title = এই ক্লাউড সেট-আপ করুন
setup-lead = আপনি এর অপারেটর হবেন: কোম্পানি যোগ করবেন এবং প্রতিটির মালিক ঠিক করবেন।
setup-token = এককালীন কোড
setup-token-hint = সার্ভার চালুর সময় দেখানো হয়েছে।
setup-name = পুরো নাম
setup-go = সেট-আপ শেষ করুন
password-title = পাসওয়ার্ড দিন
password-lead = আপনাকে দেওয়া এককালীন কোডটি লিখুন।
password-token = এককালীন কোড
password-hint = অন্তত ৮টি অক্ষর। পরস্পর সম্পর্কহীন কয়েকটি শব্দ মনে রাখা সহজ, আন্দাজ করা কঠিন।
password-go = পাসওয়ার্ড দিন
password-set = পাসওয়ার্ড দেওয়া হয়েছে। এখন সাইন-ইন করতে পারেন।
token-bad = কোডটি ঠিক নয়, ব্যবহৃত, অথবা পুরোনো।
name-bad = সর্বোচ্চ ১২০ অক্ষরের একটি নাম দিন।
email-bad = একটি ইমেইল ঠিকানা দিন।
email-taken = এই ঠিকানাটি অন্য কারও আছে।

## নিজের অ্যাকাউন্ট

account-title = আমার অ্যাকাউন্ট
account-password-title = পাসওয়ার্ড বদল
account-password-old = এখনকার পাসওয়ার্ড
account-password-new = নতুন পাসওয়ার্ড
account-password-save = পাসওয়ার্ড বদলান
account-password-wrong = এটি এখনকার পাসওয়ার্ড নয়।
account-password-changed = পাসওয়ার্ড বদলানো হয়েছে। অন্য সব জায়গা থেকে সাইন-আউট হয়েছে।
language-title = ভাষা

## আজ

today-lead = { $at } পর্যন্ত। নিজে থেকেই হালনাগাদ হয়।
today-bar = { $people } জনের মধ্যে { $present } জন এসেছেন
today-of = { $people ->
    [one] { $people } জনের মধ্যে
   *[other] { $people } জনের মধ্যে
}
today-present = উপস্থিত
today-late = বিলম্ব
today-late-note = উপস্থিতদের মধ্যে
today-absent = অনুপস্থিত
today-absent-note = নিশ্চিত: প্রতিটি ঘড়ি জানিয়েছে
today-uncertain = এখনও অনিশ্চিত
today-uncertain-note = শিফট বা ঘড়ির অপেক্ষায়
today-off = বন্ধ বা ছুটিতে
today-off-note = সাপ্তাহিক ছুটি, পর্বের ছুটি ও ছুটি
today-figures = দিনের সংখ্যা
today-read-through = ঘড়ি পড়া হয়েছে { $at } পর্যন্ত
today-nobody = এখানে এখনও কোনো কর্মী নেই। সাইটের এজেন্ট থেকে কর্মী আসবে।
department = বিভাগ
today-silent = { $count ->
    [one] { $names } ঘড়িটি জানায়নি। না জানানো পর্যন্ত দিনগুলো অনিশ্চিত থাকবে।
   *[other] এই ঘড়িগুলো জানায়নি: { $names }। না জানানো পর্যন্ত দিনগুলো অনিশ্চিত থাকবে।
}
today-silent-link = ঘড়িগুলো দেখুন
legend-in-time = সময়মতো
legend-late = বিলম্ব
legend-absent = অনুপস্থিত
legend-open = এখনও অনিশ্চিত
department-none = বিভাগ নেই

## সাইট

site = সাইট
site-add = সাইট যোগ করুন
site-added = { $name } সাইটটি যোগ হয়েছে।
site-name = নাম
site-code = ছোট কোড
site-code-hint = কোম্পানির মধ্যে আলাদা, যেমন F1।
site-zone = সময় অঞ্চল
site-zone-hint = ঘড়ি সময় অঞ্চল জানে না: এখান থেকে নেওয়া হয়।
zone-choose = বেছে নিন…
site-no-edge = কোনো এজেন্ট যুক্ত নয়
site-make-code = যুক্ত করার কোড
site-code-title = যুক্ত করার কোড
site-code-life = একবার চলে, { $minutes } মিনিটের জন্য। আর দেখানো হবে না।
site-code-use = সাইটের সার্ভার কক্ষের এজেন্টে দুটোই দিন: এর সিঙ্ক পাতায়, অথবা এই কমান্ডে:
site-code-cloud = ক্লাউডের ঠিকানা
sites-empty = এখনও কোনো সাইট নেই
sites-empty-text = সাইট হলো নিজের ঘড়িসহ একটি কারখানা বা অফিস।
code-bad = ফাঁকা জায়গা ছাড়া একটি ছোট কোড দিন।
code-taken = অন্য একটি সাইটের এই কোড আছে।
zone-bad = এই সাইটের সময় অঞ্চল বেছে নিন।

## ঘড়ি

clock = ঘড়ি
clocks-lead = একই পাঞ্চ তিন জায়গায় গোনা।
clocks-empty = এখনও কোনো ঘড়ি নেই
clocks-empty-text = সাইটের এজেন্ট প্রথম পাঞ্চ পাঠালে এখানে দেখা যাবে।
clocks-explained = ঘড়ি সারি গোনে, এজেন্ট ও ক্লাউড পাঞ্চ গোনে: দুবার আসা সারি এবং যে সারি পাঞ্চ নয় তা আলাদা দেখানো হয়।
clocks-told = এজেন্ট তার সংখ্যা জানিয়েছে { $ago }।
clock-read = সম্পূর্ণ এই পর্যন্ত
clock-standing = এজেন্ট ও ক্লাউড
clock-equal = সমান
clock-coming = পাঠানো হচ্ছে
clock-newer = এরপর আরও
clock-unknown = এখনও জানায়নি
count-clock = ঘড়ির লগে
count-edge = এজেন্টের খাতায়
count-cloud = ক্লাউডে
count-repeat = পুনরাবৃত্তি
count-quarantined = আলাদা রাখা

## এজেন্ট

edge = এজেন্ট
edges-lead = সাইটের সার্ভার কক্ষের এজেন্ট।
edges-empty = এখনও কোনো এজেন্ট নেই
edges-empty-text = সাইটের জন্য যুক্ত করার কোড তৈরি করে এর এজেন্টে দিন।
edge-state = অবস্থা
edge-since = { $date } থেকে যুক্ত
edge-last-seen = শেষ দেখা
edge-waiting = পাঠানোর অপেক্ষায়
edge-version = সংস্করণ
edge-retired = অবসরপ্রাপ্ত
edge-never-seen = কখনও দেখা যায়নি
edge-silent = সাড়া নেই
edge-in-touch = যোগাযোগে
edge-retire = অবসরে পাঠান
edge-retire-confirm = { $name } অবসরে পাঠাবেন? পাঞ্চ জমা চলতে থাকবে, কিন্তু এর থেকে আর কিছু নেওয়া হবে না।
edge-was-retired = এজেন্টটি অবসরে গেছে।
edge-new-life = { $name }-এর ডেটা ফোল্ডার ব্যাকআপ থেকে ফেরানো বা কপি করা হয়েছে: { $at } তারিখে ধরা পড়েছে, তখন { $rows }টি পাঞ্চ ও পরিবর্তন পাঠানোর ছিল। কিছুই হারায়নি। কেউ না ফেরালে অন্য কোথাও এর কপি চলছে কি না দেখুন।
quarantine-waits = { $count ->
    [one] এজেন্ট থেকে আসা { $count }টি সারি নেওয়া যায়নি এবং দেখার অপেক্ষায় আছে।
   *[other] এজেন্ট থেকে আসা { $count }টি সারি নেওয়া যায়নি এবং দেখার অপেক্ষায় আছে।
}
digest-title = দুই দিকের হিসাব কি একই?
digest-lead = প্রতি মাসের চূড়ান্ত দিন, এজেন্টে ও এখানে হিসাব করা।
digest-empty = এখনও কোনো এজেন্ট ফলাফল জানায়নি।
digest-month = মাস
digest-edge-days = এজেন্টে দিন
digest-cloud-days = এখানে দিন
digest-agreement = ফলাফল
digest-nothing = এখনও চূড়ান্ত নয়
digest-same = একই
digest-waiting = সব দিন আসেনি
digest-different = ভিন্ন
digest-other-engine = অন্য সংস্করণ

## কোম্পানি

switch-title = কোম্পানি বদলান
switch-shown = এখন দেখানো হচ্ছে
switch-go = দেখান
switch-empty = আপনি এখানে কোনো কোম্পানিতে নেই
switch-empty-text = যোগ করতে এর মালিক বা অপারেটরকে বলুন।
companies-lead = কোনো কোম্পানিতে দেখলে তা অপারেটরের লগে লেখা হয়।
companies-back = সব কোম্পানি
company-open = দেখুন
company-open-name = { $name } দেখুন
company-suspended = স্থগিত
company-figures = সংখ্যা
companies-empty = এখনও কোনো কোম্পানি নেই
companies-empty-text = প্রথমটি নিচে যোগ করুন।
company-add = কোম্পানি যোগ করুন
company-added = { $name } কোম্পানিটি যোগ হয়েছে।
company-name = কোম্পানির নাম
company-since = { $date } থেকে
company-lead = এর যন্ত্রপাতি। কর্মীদের এখানে দেখানো হয় না।
company-punches = খাতায় পাঞ্চ
company-quarantined = আলাদা রাখা সারি
company-plan = প্ল্যান
owners = মালিক
owners-empty = এখনও কোনো মালিক নেই
owner-ready = প্রস্তুত
owner-invited = এখনও পাসওয়ার্ড নেই
owner-disabled = বন্ধ
owner-again = যাঁর পাসওয়ার্ড নেই তাঁর ঠিকানা আবার দিলে নতুন কোড পাওয়া যায়।
owner-add = মালিক যোগ করুন
owner-lead = মালিক কোম্পানির সবকিছু দেখেন এবং অন্যদের যোগ করেন।
owner-added = { $name } এখন একজন মালিক।
token-title = এককালীন কোড
token-lead = { $email }-কে এটি দিন। এটি দিয়ে নিচের ঠিকানায় প্রথম পাসওয়ার্ড দেওয়া হয়।
token-address = কোথায় লিখতে হবে
token-life = একবার চলে, { $hours } ঘণ্টার জন্য। আর দেখানো হবে না।

## দৃষ্টি দরকার

nav-attention = দৃষ্টি দরকার
attention-lead = যে নম্বর দুটি রেকর্ডে আছে। কিছুই হারায়নি: দুটিই রাখা আছে, দুটিরই হাজিরা হিসাব হচ্ছে।
attention-empty = কিছুতেই দৃষ্টি দরকার নেই
attention-empty-text = দুই কারখানা একই নম্বর দুটি রেকর্ডে দিলে দুটিই এখানে দেখানো হয়।
attention-employees = দুজন কর্মীর কোড { $key }
attention-clocks = দুটি ঘড়ির সিরিয়াল নম্বর { $key }
attention-shifts = দুটি শিফটের কোড { $key }
attention-departments = দুটি বিভাগের কোড { $key }
attention-sites = দুটি সাইটের কোড { $key }
attention-without-key = নম্বর ছাড়া রেকর্ড
attention-name = নাম
attention-every-site = সব সাইট
attention-entered = কোথায় লেখা হয়েছে
attention-here = এই ক্লাউড
attention-punches = পাঞ্চ
attention-keep = এটি রাখুন
attention-keep-confirm = { $name } রাখবেন? অন্য রেকর্ডটির ঘড়ির কোড, পাঞ্চ ও ফোন এটিতে আসবে, অন্যটি আর সক্রিয় থাকবে না। ফোনে দেওয়া তার যে পাঞ্চ অপেক্ষায় আছে তা তখন শুধু বাতিল করা যাবে। কিছুই মোছা হবে না।
attention-was-kept = একটি রেকর্ড রাখা হয়েছে; হাজিরা আবার হিসাব করা হচ্ছে। অন্যটির অপেক্ষমাণ ফোনের পাঞ্চ অনুমোদন পাতায় চিহ্নিত।
attention-how = দুজন আলাদা মানুষ হলে কারখানার এজ এজেন্টে একজনকে অন্য কোড দিন। একই মানুষ দুবার লেখা হলে একটি রাখুন।
today-attention = { $count ->
    [one] একটি নম্বর দুটি রেকর্ডে আছে।
   *[other] { $count }টি নম্বর একাধিক রেকর্ডে আছে।
}
today-attention-link = দেখুন

## People

people-lead = এখানে যা বদলানো হয়, তা ওই ব্যক্তির সাইটের এজেন্টে যায়।
people-search = নাম বা কোড দিয়ে খুঁজুন
people-none = কাউকে পাওয়া যায়নি
people-none-text = কর্মীরা সাইটের এজেন্ট থেকে আসে, অথবা এখানে যোগ করা হয়।
people-more = আরও
person-add = কর্মী যোগ করুন
person-edit = কর্মীর তথ্য বদলান
person-name = নাম
person-code = কোড
person-code-hint = কার্ডের নম্বর; কোম্পানিতে একটিই।
person-code-bad = ফাঁকা জায়গা ছাড়া একটি কোড দিন।
person-code-taken = এই কোড অন্য কারও আছে।
person-site-bad = কর্মীর সাইট বেছে নিন।
person-department-bad = তালিকা থেকে একটি বিভাগ বেছে নিন।
person-state = অবস্থা
person-active = কর্মরত
person-inactive = চলে গেছেন
person-saved = { $name }-এর তথ্য সংরক্ষণ করা হয়েছে।
clock-rename = ঘড়ির নাম বদলান
clock-name = নাম
clock-saved = ঘড়ির নাম এখন { $name }।

## Conflicts

conflicts-lead = একই জিনিসে দুটি বদল, যার একজন অন্যজনেরটি দেখেননি। একটি কার্যকর আছে; অন্যটি ঠিক হলে এখানে সেটি বেছে নিন।
conflicts-none = কোনো দ্বন্দ্ব নেই
conflicts-none-text = দুই পক্ষের সব বদল মিলে গেছে।
conflict-what = কী
conflict-standing = আগে ছিল
conflict-arriving = পরে এসেছে
conflict-nothing = কিছু নেই, বা মুছে ফেলা
conflict-counts = এখন কার্যকর
conflict-keep = এটি রাখুন
conflict-take = এটি নিন
conflict-field = দুটি মান
conflict-edit-versus-delete = মুছে ফেলার পর বদলানো
conflict-delete-versus-edit = বদলের মধ্যে মুছে ফেলা
conflict-already-decided = দুবার সিদ্ধান্ত
conflict-duplicate-key = অন্য রেকর্ড এটি ব্যবহার করছে
conflict-settled = দ্বন্দ্ব মিটেছে; এজেন্টরা পরের আদান-প্রদানে এটি পাবে।
conflict-gone = এই দ্বন্দ্ব এর মধ্যে মিটে গেছে।
conflict-impossible = এই মানটি এভাবে নেওয়া যায় না।
conflicts-wait = { $count ->
    [one] একটি দ্বন্দ্ব দেখার অপেক্ষায় আছে।
   *[other] { $count }টি দ্বন্দ্ব দেখার অপেক্ষায় আছে।
}
records-title = রেকর্ড
records-waiting = মেলানো হচ্ছে
records-moved = এর পরে বদলেছে
records-same = একই
records-different = ভিন্ন
records-alarm = এজেন্ট { $name }-এর রেকর্ড ক্লাউডের থেকে ভিন্ন: { $kinds }। এটি সব আবার আনবে।

## Kinds of records

kind-company = কোম্পানি
kind-site = সাইট
kind-department = বিভাগ
kind-employee = কর্মী
kind-shift = শিফট
kind-roster = রোস্টার
kind-roster-day = রোস্টারের দিন
kind-policy = নীতি
kind-holiday = ছুটির দিন
kind-leave = ছুটি
kind-device = ঘড়ি
kind-identity = ঘড়ির কোড
kind-punch-note = পাঞ্চের টীকা
kind-day-decision = দিনের সিদ্ধান্ত
kind-pay-period = বেতনকাল
kind-company-rule = কোম্পানির নিয়ম
kind-phone-punch = ফোনের পাঞ্চ
