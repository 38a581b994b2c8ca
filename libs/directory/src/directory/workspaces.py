"""The Intercom workspaces that are connected."""

from dataclasses import dataclass

from directory.database import Database, Record
from directory.errors import NoVault, TextKeptLonger, UnknownWorkspace
from directory.recent import Recent
from directory.secrets import Vault


@dataclass(frozen=True)
class Workspace:
    """
    One Intercom workspace.

    `region` is us, eu or au; `time_zone` an IANA name. Notes that no teammate asked for are written as
    `default_admin_id`. open_new_read: a conversation that a message opened is marked as read;
    open_new_assign: it is assigned to the teammate who sent the message. Texts of messages and replies are kept for
    keep_text_days, numbers and what became of messages for keep_rest_months.
    """

    id: str
    name: str
    region: str = "us"
    time_zone: str = "UTC"
    default_admin_id: str | None = None
    open_new_read: bool = True
    open_new_assign: bool = False
    keep_text_days: int = 30
    keep_rest_months: int = 13


class Workspaces:
    """Reads are remembered for a few seconds. Secrets need a vault with PROACTIVE_WORKSPACE_KEYS."""

    def __init__(self, database: Database, vault: Vault | None) -> None:
        self._database = database
        self._vault = vault
        self._recent: Recent[str, Workspace | None] = Recent()
        self._recent_tokens: Recent[str, str | None] = Recent()

    async def get(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None where it is not connected."""
        return await self._recent.get(workspace_id, self._load)

    async def token(self, workspace_id: str) -> str:
        """
        The workspace's Intercom token.

        Raises:
            UnknownWorkspace: it is not connected.
            SecretError: the token cannot be opened with this process's keys.
        """
        vault = self._needed_vault()
        sealed = await self._recent_tokens.get(workspace_id, self._load_sealed)
        if sealed is None:
            raise UnknownWorkspace(f"workspace {workspace_id} is not connected")
        return vault.open(sealed, bound_to=_binding(workspace_id))

    async def token_is_current(self, workspace_id: str) -> bool:
        """Whether the newest key sealed the workspace's token."""
        sealed = await self._load_sealed(workspace_id)
        return sealed is not None and self._needed_vault().is_current(sealed)

    async def reseal(self, workspace_id: str) -> bool:
        """
        Seal the workspace's token with the newest key; False where that is done, or somebody does it meanwhile.

        Raises:
            SecretError: none of the keys opens it.
        """
        sealed = await self._load_sealed(workspace_id)
        if sealed is None or self._needed_vault().is_current(sealed):
            return False
        row = await self._database.fetchrow(
            "UPDATE directory.workspace SET sealed_token = $3 WHERE id = $1 AND sealed_token = $2 RETURNING id",
            workspace_id,
            sealed,
            self._needed_vault().reseal(sealed, bound_to=_binding(workspace_id)),
        )
        return row is not None

    async def put(self, workspace: Workspace, token: str) -> None:
        """Connect a workspace, or replace what is known of it. Raises TextKeptLonger."""
        refuse_longer_text(workspace.id, workspace.keep_text_days, workspace.keep_rest_months)
        sealed = self._needed_vault().seal(token, bound_to=_binding(workspace.id))
        await self._database.execute(
            """
            INSERT INTO directory.workspace AS known
                (id, name, region, time_zone, default_admin_id, open_new_read, open_new_assign, sealed_token,
                 keep_text_days, keep_rest_months)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (id) DO UPDATE SET
                name = excluded.name, region = excluded.region, time_zone = excluded.time_zone,
                default_admin_id = excluded.default_admin_id, open_new_read = excluded.open_new_read,
                open_new_assign = excluded.open_new_assign, sealed_token = excluded.sealed_token,
                keep_text_days = excluded.keep_text_days, keep_rest_months = excluded.keep_rest_months,
                updated_at = now()
            """,
            workspace.id,
            workspace.name,
            workspace.region,
            workspace.time_zone,
            workspace.default_admin_id,
            workspace.open_new_read,
            workspace.open_new_assign,
            sealed,
            workspace.keep_text_days,
            workspace.keep_rest_months,
        )
        self._recent.forget()
        self._recent_tokens.forget()

    async def renew(self, workspace_id: str, token: str, region: str) -> bool:
        """Give a connected workspace a new token, and leave its settings alone; False where it is not connected."""
        sealed = self._needed_vault().seal(token, bound_to=_binding(workspace_id))
        row = await self._database.fetchrow(
            """
            UPDATE directory.workspace SET sealed_token = $2, region = $3, updated_at = now() WHERE id = $1
            RETURNING id
            """,
            workspace_id,
            sealed,
            region,
        )
        self._recent.forget()
        self._recent_tokens.forget()
        return row is not None

    async def list(self) -> list[Workspace]:
        """Every connected workspace, by id."""
        rows = await self._database.fetch(_SELECT + " ORDER BY id")
        return [_workspace(row) for row in rows]

    async def _load(self, workspace_id: str) -> Workspace | None:
        row = await self._database.fetchrow(_SELECT + " WHERE id = $1", workspace_id)
        return None if row is None else _workspace(row)

    async def _load_sealed(self, workspace_id: str) -> str | None:
        sealed: str | None = await self._database.fetchval(
            "SELECT sealed_token FROM directory.workspace WHERE id = $1", workspace_id
        )
        return sealed

    def _needed_vault(self) -> Vault:
        if self._vault is None:
            raise NoVault("Intercom tokens need PROACTIVE_WORKSPACE_KEYS, and this process was given none")
        return self._vault


def refuse_longer_text(workspace_id: str, keep_text_days: int, keep_rest_months: int) -> None:
    """Raises TextKeptLonger where texts would outlive the messages that they belong to."""
    if keep_text_days > (most := keep_rest_months * 28):  # the shortest that so many months can be
        raise TextKeptLonger(
            f"workspace {workspace_id}: keep_text_days is {keep_text_days}, and a text is not kept longer than the "
            f"rest: with keep_rest_months {keep_rest_months}, at most {most} days"
        )


_SELECT = """
    SELECT id, name, region, time_zone, default_admin_id, open_new_read, open_new_assign,
        keep_text_days, keep_rest_months
    FROM directory.workspace
"""


def _workspace(row: Record) -> Workspace:
    return Workspace(**dict(row))


def _binding(workspace_id: str) -> str:
    return f"workspace {workspace_id}"
