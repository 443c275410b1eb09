// A walk through a claim's life, checked against the types that are generated from the description.
import type { components, operations } from "./schema";

type Parameters<O extends keyof operations, In extends string> =
  operations[O] extends { parameters: { [In_ in In]: infer P } } ? P : unknown;
type Body<O extends keyof operations> = operations[O] extends { requestBody?: { content: { "application/json": infer B } } }
  ? B
  : operations[O] extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type Json<R> = R extends { content: { "application/json": infer A } } ? A : never;
type Success<O extends keyof operations> = operations[O] extends { responses: infer R } ? Json<R[keyof R & (200 | 201 | 202)]> : never;
type Refusal<O extends keyof operations, Status extends number> = operations[O] extends { responses: { [S in Status]: { content: infer C } } }
  ? C extends { "application/problem+json": infer P } ? P : never
  : never;

declare function call<O extends keyof operations>(
  operation: O,
  request: { path?: Parameters<O, "path">; query?: Parameters<O, "query">; body?: Body<O> },
): Promise<Success<O>>;

type Claim = components["schemas"]["Claim"];
type ReasonCode = components["schemas"]["ReasonCode"];

const partnerContact = { name: "Sam Lee", email: "sam@fabrikam.com", locale: "fr", notices: true };
const customerContact = { name: "Ana Silva", email: "ana@contoso.com" };

export async function walk(): Promise<void> {
  const { engagements } = await call("listEngagements", { query: { state: "active" } });
  const engagement = await call("getEngagement", { path: { engagementId: engagements[0].id } });
  const locationId: string = engagement.locations[0].id;

  const check = await call("checkEligibility", {
    body: { customerId: { type: "domain", value: "contoso.com" }, locationId, hours: 40 },
  });
  const by: string = check.eligible[0].by.value;
  const decidedBy: "hours" | "maxPayout" | "maxShareOfOpportunity" | undefined = check.eligible[0].payoutBasis?.decidedBy;
  const why: [ReasonCode, string[] | undefined] = [check.ineligible[0].reasons[0].code, check.ineligible[0].reasons[0].eligibleBy];
  await call("checkEligibility", { body: { knownCustomerId: check.customer.id, opportunityId: "7-3KQ9ZTR2", locationId } });

  const born = await call("addCustomer", {
    body: {
      friendlyName: "Contoso migration", locationId, customerId: { type: "tenant-id", value: by }, engagementIds: [engagement.id],
      customerContact, partnerContact,
    },
  });
  const claim: Claim = born.claims[0];
  const path = { claimId: claim.id };
  const left: number | undefined = claim.sendsLeft;
  // @ts-expect-error: a claim has no such field
  claim.sendsRight;

  const preview = await call("previewConsent", { path, body: {} });
  const asked: Claim = await call("sendConsent", {
    path,
    body: {
      dealSize: { amount: "60000.00", currency: "USD" }, disclaimerAccepted: true, disclaimerVersion: preview.disclaimer.version,
    },
  });
  const bounced: boolean = asked.emailStatus === "bounced";

  const next = await call("listClaims", { query: { sort: "due", locationId, emailStatus: "bounced", limit: 100 } });
  const due: string | undefined = next.claims[0].due;
  const details = await call("getClaim", { path });
  const intact: boolean = details.eventsIntact && details.events.every((event) => event.hash !== event.previousHash);
  // @ts-expect-error: nor have its details
  details.signature;
  const { receipt } = await call("getReceipt", { path });

  await call("submitClaim", { path, body: { completedOn: "2026-11-15", notes: "Report delivered." } });
  const reviewed: Claim = await call("reviewClaim", { path, body: { decision: "return", reason: "The report is missing." } });
  const reason: string | undefined = reviewed.reviewReason;
  await call("cancelClaim", { path, body: { reason: "" } });

  const page = await call("listCustomers", { path: { engagementId: engagement.id }, query: { tab: "eligible", q: "contoso.com" } });
  await call("claimCustomer", {
    path: { customerId: page.items[0].customer.id },
    body: { friendlyName: "Second year", locationId, engagementIds: [engagement.id], customerContact, partnerContact },
  });

  const { referrals } = await call("listReferrals", { query: { type: "co-sell" } });
  const referral = await call("getReferral", { path: { referralId: referrals[0].id } });
  const told: [string, string] = [referral.partnerContact.email, referral.claimStatus];
  await call("upgradeReferral", { path: { referralId: referral.id }, body: {} });

  console.log(left, bounced, due, intact, receipt, reason, told, decidedBy, why);
}

// What a problem holds, and what the types must not take.
export function told(problem: Refusal<"addCustomer", 422>): [string, string | undefined] {
  return [problem.type, problem.errors?.[0].pointer];
}

// @ts-expect-error: there is no such status
export const status: components["schemas"]["Status"] = "lost";
// @ts-expect-error: a claim cannot be submitted without the day of its completion
export const submission: Body<"submitClaim"> = { notes: "" };
// @ts-expect-error: nothing is called so
export const nothing: keyof operations = "deleteClaim";
