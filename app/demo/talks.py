"""What people and agents say to each other: a score of talks by e-mail, text message, telephone, chat and in the office.

Each talk carries one thing worth remembering, in the message where it was said.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """What a talk leaves behind: said in which turn, its topic and kind, about what, and in which words it is remembered."""

    turn: int
    cluster: str
    kind: str
    about: str
    words: str


@dataclass(frozen=True)
class Talk:
    """One conversation as it can take place with many; each turn begins with the letter of who speaks."""

    channel: str
    agent: str
    title: str
    turns: tuple[str, ...]
    fact: Fact
    with_: str = "customer"
    person: str = "Renee Tollefson"


TALKS: tuple[Talk, ...] = (
    Talk("email", "inbox-triage", "Roof access at {site}", (
        "c:Before your crew comes to {site}: the hatch is locked since the break-in. The key is at the desk, ask for {first}.",
        "a:Thank you, {first}. The crew will ask for you at the desk. Is there a time when nobody is there?",
        "c:Between noon and one the desk is empty. Any other time is fine.",
        "a:Noted: not between noon and one.",
    ), Fact(0, "access", "procedure", "property",
            "The roof hatch of {site} is locked. The key is at the desk, ask for {first}; nobody is there from noon to one.")),
    Talk("sms", "dispatch-scheduler", "Start time at {site}", (
        "a:Hello {first}, this is the dispatch of BrainOps Roofing. May the crew start at {site} at 6:30 tomorrow?",
        "c:Not before 8 please. The tenants on the top floor complained last time.",
        "a:Understood, they start at eight.",
    ), Fact(1, "hours", "preference", "property",
            "No noisy work at {site} before eight: the tenants on the top floor complained."), person="Luis Cordova"),
    Talk("email", "ar-follow-up", "Invoice {invoice}", (
        "a:Good morning {first}, invoice {invoice} was due ten days ago. Did it reach you?",
        "c:It did, but without a purchase order number our bookkeeper cannot pay it.",
        "a:I will have the number added. Which one is it?",
        "c:You get one for each job. Please ask me for it before you send an invoice, always.",
        "h:Added and sent again today. Thank you for telling us.",
    ), Fact(3, "billing", "procedure", "customer",
            "{customer} pays only invoices with a purchase order number; ask {first} for it before the invoice goes out."),
         person="Grace Okafor"),
    Talk("voice", "ar-follow-up", "Payment of {invoice}", (
        "a:I am calling about invoice {invoice}. When may we expect the payment?",
        "c:We pay on the twenty-fifth. Always, whatever the due date says.",
        "a:I note the twenty-fifth. Thank you, {first}.",
    ), Fact(1, "billing", "fact", "customer", "{customer} pays once a month, on the twenty-fifth, whatever the due date says."),
         person="Helen Vance"),
    Talk("web_chat", "inbox-triage", "Water at {site}", (
        "c:Water is coming in above the server room at {site}!",
        "a:I am sorry to hear that. Is the power off near the water, and is everybody safe?",
        "c:Power is off, everybody is out. We need somebody now.",
        "t:records.read|the last visits at {site}",
        "a:A technician is being called. I give this to a person who stays with you.",
        "h:He is on his way, about forty minutes. Please put buckets under it and do not go up.",
        "c:Thank you. It is the curb of the rooftop unit, the same one as in spring.",
    ), Fact(6, "roofs", "warning", "property",
            "{site}: water came in at the curb of the rooftop unit a second time. It was sealed in spring, not rebuilt.")),
    Talk("email", "inbox-triage", "Warranty at {site}", (
        "c:Is the repair at {site} under warranty? The manufacturer wants photos of the seams within 30 days.",
        "a:It may be. I ask the project manager and have the photos taken in time.",
        "h:They are taken; the claim went out this afternoon.",
    ), Fact(0, "warranty", "procedure", "property",
            "The manufacturer's warranty of {site} asks for photos of the seams within thirty days of a repair."),
         person="Miriam Castellano"),
    Talk("sms", "inbox-triage", "{first} prefers messages", (
        "c:Please write instead of calling. I am on site all day and never hear it.",
        "a:We will write to you, {first}. Thank you for telling us.",
    ), Fact(0, "contact", "preference", "customer", "{first} of {customer} wants text messages, not calls: on site all day.")),
    Talk("email", "dispatch-scheduler", "Yard of {site}", (
        "a:Our crew would come to {site} at 6 pm on Thursday to close the seam before the rain. Does that suit you?",
        "c:The yard is closed at six and the dog is loose after that. Call the guard first, or come earlier.",
        "a:They will be there at four, and call the guard in any case.",
        "c:Good. The guard is at the east gate.",
    ), Fact(1, "safety", "warning", "property",
            "The dog runs loose in the yard of {site} after six; the guard at the east gate must be called first."),
         person="Luis Cordova"),
    Talk("email", "inspection-reader", "Report on {site}", (
        "c:We need the inspection report on {site} as one PDF, photos at the end. Our insurer does not open links.",
        "a:You will get one file with the photos at the end. May I use the photos of both visits?",
        "c:Yes, but name the date under each photo.",
        "a:Every photo carries its date. The report goes out tomorrow.",
    ), Fact(0, "reports", "preference", "customer",
            "{customer} wants inspection reports as one PDF, photos with dates at the end: the insurer opens no links."),
         person="Miriam Castellano"),
    Talk("email", "inbox-triage", "New manager at {customer}", (
        "c:I am taking over from my colleague. Estimates for {customer} come to me from now on: {first}.",
        "a:Welcome, {first}. I have told the account manager; you will hear from us this week.",
        "h:Good to meet you. I will call on Friday.",
    ), Fact(0, "contact", "relationship", "customer", "{first} took over at {customer} and decides on estimates."),
         person="Owen Prescott"),
    Talk("voice", "dispatch-scheduler", "Crane at {site}", (
        "a:For the lift at {site} on Tuesday: may the crane stand on the east lot?",
        "c:No, the garage is right below it. Use the street side; the city wants the permit three days ahead.",
        "a:The street side then. I ask for the permit today.",
    ), Fact(1, "crane", "warning", "property",
            "No crane on the east lot of {site}: the garage is below it. Use the street side, permit three days ahead."),
         person="Luis Cordova"),
    Talk("web_chat", "estimate-drafter", "{title}", (
        "c:We compare three offers and decide in the board meeting of the second week of next month.",
        "a:Thank you, {first}. May somebody walk the roof with you before that?",
        "c:Yes, mornings are best. Ask for the maintenance office.",
        "a:I have asked the account manager to propose two mornings.",
    ), Fact(0, "pricing", "fact", "lead",
            "{title}: three offers are compared; the board decides in the second week of next month."), "lead", "Bianca Reyes"),
    Talk("web_chat", "inbox-triage", "{title}", (
        "c:The roof is from 2009, TPO, and the last contractor left the drains half closed. It stands in water after rain.",
        "a:Could you send two photos of the drains? Then we know what to bring.",
        "c:They are on the way. Please have somebody call me.",
        "a:I give this to a person, who calls you today.",
    ), Fact(0, "roofs", "fact", "lead", "{title}: TPO from 2009, drains half closed, water stands after rain."), "lead",
         "Jonah Feldman"),
)  # fmt: skip

# In the office, each held once.
OFFICE: tuple[Talk, ...] = (
    Talk("console", "estimate-drafter", "Coatings on schools", (
        "u:What did we charge for coatings on schools this year?",
        "t:records.read|estimates for coatings on schools, this year",
        "a:Nine estimates: $2.10 to $2.60 a square foot, the median is $2.35. Six were accepted, all below $2.40.",
        "u:Use the off-season price for schools until the end of March.",
        "a:I will, and say so in the notes of every draft.",
    ), Fact(3, "pricing", "procedure", "", "Schools get the off-season price for coatings until the end of March."), "staff",
         "Wes Lindqvist"),
    Talk("slack", "dispatch-scheduler", "Crane licence of crew 3", (
        "u:Crew 3 has no crane licence until Thanh is back on the fourth.",
        "a:I plan crew 3 without lifts until then. Two visits are affected; both can go to crew 1.",
        "u:Fine, move them.",
        "a:Moved. The customers have been told.",
    ), Fact(0, "crews", "episode", "", "Crew 3 has no crane licence until Thanh Nguyen is back on the fourth."), "staff",
         "Luis Cordova"),
    Talk("console", "invoice-auditor", "Card fees and schools", (
        "u:Why did you hold the invoice of the school district?",
        "a:It passes a card fee on. I found no other invoice to a school that does.",
        "u:Right. Card fees are never passed on to schools; hold any invoice that does.",
        "a:Understood.",
    ), Fact(2, "billing", "procedure", "", "Card fees are never passed on to schools; an invoice that does is held."), "staff",
         "Grace Okafor"),
    Talk("console", "inspection-reader", "Photos late in the day", (
        "u:You called three shadows open seams yesterday.",
        "a:All three photos were taken after four. The lines are as dark as an open seam at that hour.",
        "u:Ask for a second photo with the flash when it is after four.",
        "a:From now on I do.",
    ), Fact(2, "reports", "procedure", "", "After four in the afternoon a second photo with the flash is asked for; shadows look"
            " like open seams."), "staff", "Miriam Castellano"),
    Talk("slack", "inbox-triage", "Calls at night", (
        "u:Who gets leak calls after six now?",
        "a:The service lead on duty, since the board settled it in spring. Tonight that is Jude Okoye.",
        "u:Tell them before you wake them: name, building, how much water.",
        "a:Every call is passed on with name, building and how much water.",
    ), Fact(2, "tools", "procedure", "", "A leak call after six is passed to the service lead on duty with name, building and how"
            " much water."), "staff", "Renee Tollefson"),
    Talk("console", "ar-follow-up", "Tone of the third reminder", (
        "u:The third reminder sounds like a lawyer.",
        "a:It is the template of 2023. I can write it as a question instead.",
        "u:Yes. And never send one on the day of a funeral or a storm.",
        "a:I check the notes of the customer and the weather before it goes out.",
    ), Fact(2, "billing", "preference", "", "No third reminder on the day of a storm or a bereavement; it asks, it does not"
            " threaten."), "staff", "Grace Okafor"),
    Talk("api", "invoice-auditor", "Nightly check of drafts", (
        "s:Check the drafts of today against their work orders.",
        "t:records.read|drafts of today",
        "a:Fourteen drafts agree. Two lack a signed visit report and wait for billing.",
    ), Fact(2, "tools", "episode", "", "Drafts without a signed visit report wait for billing: two a night, mostly of crew 2."),
         "staff", "Helen Vance"),
    Talk("console", "customer-segmenter", "Who is at risk", (
        "u:Why is the brewery at risk?",
        "a:Nineteen months without a job; until then it gave us two a year.",
        "u:They were sold. Treat a change of owner as a new customer.",
        "a:Understood: a change of owner begins a new history.",
    ), Fact(2, "contact", "procedure", "", "A customer with a new owner is treated as a new customer when segments are made."),
         "staff", "Tara McAllister"),
)  # fmt: skip
