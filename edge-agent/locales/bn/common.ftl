# দিকনির্দেশ, ভূমিকা, এবং বহু পাতায় ব্যবহৃত শব্দ।

nav-today = আজ
nav-people = কর্মী
nav-clocks = ঘড়ি
nav-sync = সিঙ্ক
nav-rules = শিফট

role-owner = কোম্পানির মালিক
role-hr-admin = এইচআর প্রশাসক
role-site-admin = সাইট প্রশাসক
role-supervisor = সুপারভাইজার
role-auditor = নিরীক্ষক
role-local-owner = এই এজেন্টের মালিক
role-operator = অপারেটর

pill-alone = সংযুক্ত নয়
pill-in-step = হালনাগাদ
pill-connecting = যুক্ত হচ্ছে
pill-sending = { $count }টি পাঠানো হচ্ছে
pill-offline = { $count ->
    [0] ক্লাউড নেই
   *[other] ক্লাউড নেই · { $count }টি অপেক্ষায়
}
pill-retired = ক্লাউড অবসরে পাঠিয়েছে

edit = সম্পাদনা
save = সংরক্ষণ
filter-clear = সব দেখান
list-count = { $count ->
    [one] { $count } জন
   *[other] { $count } জন
}
list-shown = { $total } জনের মধ্যে { $shown } জন
list-nothing = কাউকে পাওয়া যায়নি
list-nothing-text = এই খোঁজের সঙ্গে কেউ মেলে না। নাম বা কোডের একটি অংশ দিয়ে চেষ্টা করুন।

form-code-bad = ফাঁকা জায়গা ছাড়া সর্বোচ্চ ৩২টি অক্ষর দিন।
form-choice-bad = তালিকা থেকে একটি বেছে নিন।
form-date-bad = একটি তারিখ দিন।
form-time-bad = একটি সময় দিন, যেমন 08:00।
form-minutes-bad = পূর্ণ মিনিট দিন।
form-phone-bad = শুধু অঙ্ক, ফাঁকা জায়গা, + এবং - ব্যবহার করুন।
form-text-bad = লেখাটি বেশি লম্বা, অথবা এতে এমন অক্ষর আছে যা রাখা যায় না।
form-stale = ফর্ম খোলা থাকার সময় অন্য কেউ এটি বদলেছেন। নতুন অবস্থা দেখতে আবার খুলুন; আপনার লেখা নিচে রয়েছে।

department-all = সব বিভাগ
department-none = বিভাগ নেই
language-title = ভাষা
password-hint = অন্তত ৮টি অক্ষর। পরস্পর সম্পর্কহীন কয়েকটি শব্দ মনে রাখা সহজ, আন্দাজ করা কঠিন।

alarm-disk-full = ডিস্ক ভরে গেছে।
alarm-disk-full-advice = ঘড়িগুলো পাঞ্চ ধরে রাখে এবং জায়গা হলেই পাঠিয়ে দেয়। কিছু হারায় না; এই পাতাগুলোর পরিবর্তন গ্রহণ না-ও হতে পারে। যে ডিস্কে Muster-এর ডেটা ফোল্ডার আছে, সেখানে জায়গা খালি করুন: বাকিটা নিজে থেকেই চলবে।
alarm-storage = ডেটাবেসে লেখা যাচ্ছে না।
alarm-storage-advice = এ সময় ঘড়িগুলো পাঞ্চ ধরে রাখে, আর পরিবর্তন গ্রহণ করা হয় না। এই কম্পিউটারের ডিস্ক পরীক্ষা করান; “muster-edge doctor” বিস্তারিত জানায়।
