/**
 * Users: what they have of the cluster, what they may have, what of theirs waits.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { call, type Responses } from "../api.ts";
import { ActionButton } from "../components/action-button.tsx";
import { type Column, DataTable, Pager, pageToken } from "../components/data-table.tsx";
import { Empty, ErrorNote, Loading } from "../components/pieces.tsx";
import { useLive } from "../live/use-live.ts";
import { hrefs, query } from "../router.ts";
import { formatCount, formatPercent, formatResources, plural } from "../text/format.ts";

type User = Responses["ListUsers"]["users"][number];

const columns: readonly Column<User>[] = [
  {
    ...{ name: "user", title: "User", orderBy: "user", grows: true },
    cell: (user) => (
      <div class="stacked">
        <a class="id" href={hrefs.user(user.user)}>
          {user.user}
        </a>
        {user.overBudget && (
          <span class="reason-line">over budget: more interactive work competes as batch</span>
        )}
      </div>
    ),
  },
  {
    name: "share",
    title: "Share of the cluster",
    orderBy: "dominantShare",
    cell: ({ dominantShare }) => <ShareBar part={dominantShare} />,
  },
  {
    name: "running",
    title: "Running",
    numeric: true,
    orderBy: "runningTaskCount",
    cell: (user) => formatCount(user.runningTaskCount),
  },
  {
    name: "waiting",
    title: "Waiting",
    numeric: true,
    orderBy: "pendingTaskCount",
    cell: (user) => formatCount(user.pendingTaskCount),
  },
  {
    ...{ name: "budget", title: "Spend of budget", orderBy: "spend", numeric: true },
    cell: ({ spend, budget }) => (
      <span>
        {formatCount(Math.round(spend))}{" "}
        <span class="soft">/ {budget === 0 ? "no limit" : formatCount(budget)}</span>
      </span>
    ),
  },
  {
    name: "weight",
    title: "Weight",
    numeric: true,
    wide: true,
    cell: ({ weight }) => String(weight),
  },
  {
    ...{ name: "band", title: "Best band", wide: true },
    cell: (user) => <span class="soft">{user.bandMax.toLowerCase()}</span>,
  },
  {
    ...{ name: "cap", title: "Cap", wide: true },
    cell: ({ cap }) => (cap === null ? <span class="soft">none</span> : formatResources(cap)),
  },
  { name: "act", title: "Settings", cell: (user) => <BudgetButton user={user} /> },
];

function ShareBar({ part }: { readonly part: number }) {
  const label = `${formatPercent(part, 1)} of the scarcest that it uses, by weight`;
  return (
    <div class="resource compact" title={label}>
      <div class="resource-track" role="img" aria-label={label}>
        <i class="used" style={{ width: `${Math.min(100, 100 * part)}%` }} />
      </div>
      <span class="resource-amount">{formatPercent(part, 1)}</span>
    </div>
  );
}

/** Weight and budget; what is finer is set on the command line. */
function BudgetButton({ user: { user, weight, budget } }: { readonly user: User }) {
  const [nextWeight, setWeight] = useState(String(weight));
  const [nextBudget, setBudget] = useState(String(budget));
  return (
    <ActionButton
      title="Set"
      command={`capstan user set ${user} --weight ${nextWeight} --budget ${nextBudget}`}
      act={async () => {
        const request = { user, weight: Number(nextWeight), budget: Number(nextBudget) };
        const answer = await call("SetUserBudget", request);
        return `${user}: weight ${answer.budget.weight}, budget ${answer.budget.budget}.`;
      }}
    >
      <p>
        What <b>{user}</b> may use. Caps and bands are set with <code>capstan user set</code>.
      </p>
      <div class="fields">
        <NumberField label="Weight, 1 for most" value={nextWeight} onInput={setWeight} />
        <NumberField label="Budget, 0 for no limit" value={nextBudget} onInput={setBudget} />
      </div>
    </ActionButton>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
}

function NumberField({ label, value, onInput }: NumberFieldProps) {
  return (
    <label class="field">
      {label}
      <input
        type="number"
        min="0"
        step="any"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

export function UsersPage() {
  const order = query.value.get("order") ?? "user";
  const request = { pageSize: 100, pageToken: pageToken(), orderBy: order };
  const { value, error, stale } = useLive("ListUsers", request);
  const rows = value?.users ?? [];
  return (
    <>
      <header class="page-head">
        <h1>Users</h1>
        {value !== null && <span class="soft">{plural(value.totalCount, "user")}</span>}
      </header>
      {error !== null && <ErrorNote error={error} />}
      {value === null && error === null && <Loading lines={5} />}
      {value !== null && rows.length === 0 && (
        <Empty title="Nobody has launched anything yet">
          A user appears here with the first job: <code>capstan run --user ada -- true</code>.
        </Empty>
      )}
      {value !== null && rows.length > 0 && (
        <>
          <DataTable
            label="Users"
            columns={columns}
            rows={rows}
            rowKey={({ user }) => user}
            order={order}
            stale={stale}
          />
          <Pager
            nextPageToken={value.nextPageToken}
            shown={rows.length}
            total={value.totalCount}
            noun="users"
          />
        </>
      )}
    </>
  );
}
