package mci

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Faults names what is wrong with the stored claim and its history (B1). There are as many events as the claim counts,
// each with the hash of its content and bound to the one before, the last one the claim's head. Every private detail is
// what its event vouches for, or erased to nothing. The claim's own fields are those to which the events lead, and a
// decision has its receipt: the one given, whose signature was verified; nil for none.
func (c Claim) Faults(h History, receipt *Receipt) []string {
	faults := c.chainFaults(h)
	if len(faults) > 0 {
		return faults // what the events say cannot be relied on
	}
	if !c.proven(h, receipt) {
		faults = append(faults, "the receipt is not that of the customer's decision")
	}
	own, recorded := c.recordedFields(), replay(h)
	for _, field := range slices.Sorted(maps.Keys(own)) {
		if own[field] != recorded[field] {
			faults = append(faults, field+" is not what the events say")
		}
	}
	return faults
}

// proven says that a decision has its receipt, and that there is none without a decision.
func (c Claim) proven(h History, receipt *Receipt) bool {
	at := slices.IndexFunc(h.Events, func(event Event) bool { return decisions[event.Type] != "" })
	if at < 0 || receipt == nil {
		return at < 0 && receipt == nil && h.Receipt == ""
	}
	return receipt.Proves(c, h.Events[at]) && receipt.StatementHash == h.Events[at].Detail["statementHash"]
}

// chainFaults names what is wrong with the chain of events and with the private details beside it.
func (c Claim) chainFaults(h History) []string {
	var faults []string
	require := func(holds bool, fault string) {
		if !holds {
			faults = append(faults, fault)
		}
	}
	private := make(map[int]Private, len(h.Private))
	for _, p := range h.Private {
		private[p.Seq] = p
	}
	require(!h.Altered, "an item of the history is not as it was written")
	require(len(h.Events) == c.Events, "events are missing or added")
	require(len(private) == len(h.Private), "a private detail stands twice")
	previous := firstPreviousHash
	for i, event := range h.Events {
		name := "event " + strconv.Itoa(event.Seq)
		bound := event.ClaimID == c.ID && event.Seq == i+1 && event.PreviousHash == previous
		require(bound && event.Hash == event.hash(), name+" is not the one that was recorded")
		for _, part := range Parts {
			kept, want := private[event.Seq].Parts[part], event.Detail[part.hashKey()]
			require((kept != nil) == (want != ""), name+" has too many or too few private details")
			require(kept == nil || kept.intact(want), name+" has an altered private detail")
		}
		delete(private, event.Seq)
		previous = event.Hash
	}
	require(previous == c.Head, "the last event is not the claim's head")
	require(len(private) == 0, "a private detail belongs to no event")
	return faults
}

// recordedFields are the claim's fields that its events record, as the events write them.
func (c Claim) recordedFields() map[string]string {
	fields := map[string]string{
		"status": string(c.Status), "partnerId": c.PartnerID, "createdAt": instant(c.CreatedAt),
		"engagementId": c.EngagementID, "locationId": c.LocationID,
		"customerId": c.Customer.ID, "idType": string(c.Nominated.Type), "idValue": c.Nominated.Value,
		"payout": c.Payout.String(), "consentDue": instant(c.ConsentDue),
		"submissionWindowDays": strconv.Itoa(c.SubmissionWindowDays), "completedOn": string(c.CompletedOn),
		"submittedBy": strings.Join(c.SubmittedBy, " "), "customerContact": c.CustomerContact.String(),
		"partnerContact": c.PartnerContact.String(), "friendlyName": c.FriendlyName,
		"mismatchReason": c.MismatchReason, "declineReason": c.DeclineReason,
		"submissionNotes": c.SubmissionNotes, "reviewReason": c.ReviewReason, "hours": "", "dealSize": "",
		"submissionDue": "", "consentedAt": "", "submittedAt": "", "endedAt": "", "referral": "",
		"reminders": daysText(c.ReminderDays),
	}
	if c.Hours > 0 {
		fields["hours"] = strconv.Itoa(c.Hours)
	}
	if c.DealSize != nil {
		fields["dealSize"] = c.DealSize.String()
	}
	if c.SubmissionDue != nil {
		fields["submissionDue"] = instant(*c.SubmissionDue)
	}
	if c.ConsentedAt != nil {
		fields["consentedAt"] = instant(*c.ConsentedAt)
	}
	if c.SubmittedAt != nil {
		fields["submittedAt"] = instant(*c.SubmittedAt)
	}
	if c.EndedAt != nil {
		fields["endedAt"] = instant(*c.EndedAt)
	}
	if c.Referral != nil {
		fields["referral"] = string(c.Referral.Type)
	}
	return fields
}

// recording says which of the claim's fields an event writes.
type recording struct {
	detail   map[string]string // key of the event's detail to field
	typed    map[string]string // key of what was typed to field
	contacts bool
	at       string // the field of the event's instant
	actors   string // the field of all who ever did it
}

var (
	birthRecording = recording{
		detail: fieldsOf("engagementId", "locationId", "customerId", "idType", "idValue", "payout", "hours",
			"consentDue", "submissionWindowDays", "reminders"),
		typed: fieldsOf(privateFriendlyName, privateMismatchReason), contacts: true, at: "createdAt",
	}
	reviewRecording = recording{typed: map[string]string{privateReason: "reviewReason"}}
	recordings      = map[EventType]recording{
		ClaimAdded:   birthRecording,
		ClaimClaimed: birthRecording,
		ConsentRequested: {detail: fieldsOf("dealSize", "reminders"), typed: fieldsOf(privateMismatchReason),
			contacts: true},
		ConsentReminded: {typed: fieldsOf(privateMismatchReason), contacts: true},
		ConsentAccepted: {detail: fieldsOf("submissionDue", "reminders"), at: "consentedAt"},
		ConsentDeclined: {typed: map[string]string{privateReason: "declineReason"}},
		ClaimSubmitted: {
			detail: fieldsOf("completedOn"), typed: map[string]string{privateNotes: "submissionNotes"},
			at: "submittedAt", actors: "submittedBy",
		},
		ClaimReturned:    {detail: fieldsOf("submissionDue", "reminders"), typed: reviewRecording.typed},
		ClaimCompleted:   reviewRecording,
		ClaimRejected:    reviewRecording,
		ReferralCreated:  {detail: map[string]string{"type": "referral"}},
		ReferralUpgraded: {detail: map[string]string{"type": "referral"}},
	}
)

// fieldsOf maps keys to fields of the same names.
func fieldsOf(names ...string) map[string]string {
	fields := make(map[string]string, len(names))
	for _, name := range names {
		fields[name] = name
	}
	return fields
}

// replay gives the recorded fields of a claim as its events lead to them.
func replay(h History) map[string]string {
	private := make(map[int]Private, len(h.Private))
	for _, p := range h.Private {
		private[p.Seq] = p
	}
	fields, status := map[string]string{}, ConsentNotSent
	for _, event := range h.Events {
		if next, moved := moves[status][event.Type]; moved && next != status {
			if status = next; status.Terminal() {
				fields["endedAt"] = instant(event.At)
			}
			fields["reminders"] = "" // each status has its own
		}
		fields["partnerId"] = event.PartnerID
		recording, parts := recordings[event.Type], private[event.Seq].Parts
		if event.RemindsBySystem() { // by the contacts that were asked last
			continue
		}
		for key, field := range recording.detail {
			fields[field] = event.Detail[key]
		}
		for key, field := range recording.typed {
			fields[field] = typedText(parts[PartTyped], key)
		}
		if recording.contacts {
			fields["customerContact"] = contactText(parts[PartCustomer])
			fields["partnerContact"] = contactText(parts[PartPartner])
		}
		if recording.at != "" {
			fields[recording.at] = instant(event.At)
		}
		if actors := strings.Fields(fields[recording.actors]); recording.actors != "" &&
			!slices.Contains(actors, event.Actor) {
			fields[recording.actors] = strings.Join(append(actors, event.Actor), " ")
		}
	}
	fields["status"] = string(status)
	return fields
}

// typedText is what a claim's field holds of a text that was typed: an erased friendly name says so, other texts go.
func typedText(part *PrivatePart, key string) string {
	switch {
	case part == nil:
		return ""
	case part.ErasedAt != nil && key == privateFriendlyName:
		return erasedText
	}
	return part.Data[key]
}

// contactText is what a claim's field holds of a contact.
func contactText(part *PrivatePart) string {
	if part == nil || part.ErasedAt != nil {
		return ErasedContact.String()
	}
	return part.Data[privateContact]
}
