"""The people and conversations that every fresh sandbox starts with."""

from sandbox.world import Admin, Author, Contact, Conversation, Part, World

TWILIO_SENDER = "+4915700000001"
WHATSAPP_SENDER = "+4915700000002"
VIBER_SENDER = "Proactive"
TIME_ZONE = "Europe/Athens"

MARIA = Admin("814860", "Maria Lopez", "maria.lopez@example.com")
TOM = Admin("814861", "Tom Becker", "tom.becker@example.com")

ANNA_ID = "6657add46abd0167d9419001"
GIORGOS_ID = "6657add46abd0167d9419002"
EMMA_ID = "6657add46abd0167d9419003"
LI_WEI_ID = "6657add46abd0167d9419004"
LI_NA_ID = "6657add46abd0167d9419005"
MERGED_ID = "6657add46abd0167d9419006"
BAD_PHONE_ID = "6657add46abd0167d9419007"
LONG_NAME_ID = "6657add46abd0167d9419008"
RTL_NAME_ID = "6657add46abd0167d9419009"

LONG_NAME = "Maximiliane-Charlotte Freifrau von und zu Hohenstein-Waldenburg auf Schillingsfürst"[:80]
RTL_NAME = "ليلى حداد 🌸"

_HOUR = 3600
_FIRST_FREE_NUMBER = 215470100

# id, role, external_id, email, phone as Intercom stores it, name, hours since last seen
_PEOPLE: tuple[tuple[str, str, str | None, str | None, str | None, str, int], ...] = (
    (ANNA_ID, "user", "cust-1001", "anna.schmidt@example.com", "+4915112345678", "Anna Schmidt", 1),
    (GIORGOS_ID, "user", "cust-1002", "giorgos@example.com", "+30 694 123 4567", "Giorgos Papadopoulos", 5),
    (EMMA_ID, "lead", None, "emma@example.net", None, "Emma Wilson", 9),
    (LI_WEI_ID, "user", "cust-1004", "shared@example.org", "+8613800138000", "Li Wei", 30),
    (LI_NA_ID, "user", "cust-1005", "shared@example.org", "+8613800138001", "Li Na", 52),
    (MERGED_ID, "lead", "cust-1006", "anna.s@example.com", "+4915112345678", "Anna S.", 700),
    (BAD_PHONE_ID, "user", "cust-1007", "sam.okafor@example.com", "12345", "Sam Okafor", 14),
    (LONG_NAME_ID, "user", "cust-1008", "maximiliane@example.com", "+4915112345688", LONG_NAME, 80),
    (RTL_NAME_ID, "user", "cust-1009", "laila@example.com", "+971501234567", RTL_NAME, 90),
)

# conversation id, contact, how long ago it began in seconds, then turns: who, text
_THREADS: tuple[tuple[str, str, int, tuple[tuple[str, str], ...]], ...] = (
    (
        "215470001",
        ANNA_ID,
        2 * _HOUR,
        (
            ("contact", "Hi! My parcel should have come today. Where is it?"),
            ("maria", "Hello Anna, let me look it up for you."),
            (
                "note",
                "Courier says: out for delivery, driver cannot find the door. A call or SMS would help.",
            ),
            ("contact", "Thanks. I am on the road, better reach me by phone."),
        ),
    ),
    (
        "215470002",
        GIORGOS_ID,
        5 * _HOUR,
        (
            ("contact", "Can I move my appointment to Friday?"),
            ("tom", "Of course. I will confirm the time by text message."),
        ),
    ),
    ("215470003", EMMA_ID, 9 * _HOUR, (("contact", "Do you ship to Ireland?"),)),
    ("215470007", BAD_PHONE_ID, 26 * _HOUR, (("contact", "Please text me when the bike is repaired."),)),
)


def build_world(now: int) -> World:
    """The workspace as it is before anybody did anything; `now` in seconds since 1970."""
    people = {row[0]: _contact(row, now) for row in _PEOPLE}
    people[MERGED_ID].merged_into = ANNA_ID
    world = World(
        admins={admin.id: admin for admin in (MARIA, TOM)},
        contacts=people,
        conversations={},
        next_number=_FIRST_FREE_NUMBER,
    )
    for thread in _THREADS:
        world.conversations[thread[0]] = _conversation(world, thread, now)
    return world


def author_of(contact: Contact) -> Author:
    """A contact as the author of a part."""
    return Author(contact.role, contact.id, contact.name, contact.email)


def author_from(admin: Admin) -> Author:
    """A teammate as the author of a part."""
    return Author("admin", admin.id, admin.name, admin.email)


def _contact(row: tuple[str, str, str | None, str | None, str | None, str, int], now: int) -> Contact:
    contact_id, role, external_id, email, phone, name, hours = row
    created = now - 90 * 24 * _HOUR + int(contact_id[-2:]) * _HOUR
    return Contact(contact_id, role, external_id, email, phone, name, created, created, now - hours * _HOUR)


def _conversation(world: World, thread: tuple[str, str, int, tuple[tuple[str, str], ...]], now: int) -> Conversation:
    conversation_id, contact_id, age, turns = thread
    writers = {
        "contact": author_of(world.contacts[contact_id]),
        "maria": author_from(MARIA),
        "note": author_from(TOM),
        "tom": author_from(TOM),
    }
    begun = now - age
    conversation = Conversation(
        id=conversation_id,
        contact_id=contact_id,
        source_id=str(world.number()),
        delivered_as="customer_initiated",
        body=f"<p>{turns[0][1]}</p>",
        author=writers["contact"],
        created_at=begun,
        updated_at=begun,
    )
    for step, (who, text) in enumerate(turns[1:], start=1):
        kind = "note" if who == "note" else "comment"
        at = begun + step * 7 * 60
        conversation.add(
            Part(
                str(world.number()),
                "note" if kind == "note" else "comment",
                f"<p>{text}</p>",
                writers[who],
                at,
            )
        )
    return conversation
