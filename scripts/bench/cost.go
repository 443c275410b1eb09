package main

import (
	"slices"

	"mci.example/customers/shared/platform"
)

// priceList is what AWS charges, in US dollars, beyond its free tiers and at the first step where prices fall with use.
type priceList struct {
	Region           string  `json:"region"`
	Seen             string  `json:"seen"` // when they were looked up
	GatewayMillion   float64 `json:"httpApiMillionRequests"`
	LambdaMillion    float64 `json:"lambdaMillionRequests"`
	LambdaGBSecond   float64 `json:"lambdaArm64GBSecond"`
	ReadMillion      float64 `json:"dynamodbMillionReadRequestUnits"`
	WriteMillion     float64 `json:"dynamodbMillionWriteRequestUnits"`
	EmailsThousand   float64 `json:"sesThousandEmails"`
	SignsTenThousand float64 `json:"kmsTenThousandEccRequests"`
	WithoutTransfer  bool    `json:"withoutDataTransferLogsAndStorage"`
}

var prices = priceList{
	Region: "us-east-1", Seen: "2025", GatewayMillion: 1.00, LambdaMillion: 0.20, LambdaGBSecond: 0.0000133334,
	ReadMillion: 0.125, WriteMillion: 0.625, EmailsThousand: 0.10, SignsTenThousand: 0.15, WithoutTransfer: true,
}

// costFigures are what a million calls cost, in US dollars; the units are of one.
type costFigures struct {
	Name     string  `json:"name"`
	Route    string  `json:"route,omitempty"`
	Reads    float64 `json:"readUnits"`
	Writes   float64 `json:"writeUnits"`
	Gateway  float64 `json:"gateway"`
	Lambda   float64 `json:"lambda"`
	DynamoDB float64 `json:"dynamodb"`
	SES      float64 `json:"ses"`
	KMS      float64 `json:"kms"`
	All      float64 `json:"all"`
}

// costs prices every call that was measured, by its units, its milliseconds and its function's memory.
func (b *bench) costs() {
	for _, call := range b.Calls {
		gigabytes := float64(platform.FunctionOf(call.Function).MemoryMB) / 1024
		c := costFigures{
			Name: call.Name, Route: call.Route,
			Lambda:   prices.LambdaMillion + 1e6*gigabytes*call.BilledMillis/1000*prices.LambdaGBSecond,
			DynamoDB: call.ReadUnits*prices.ReadMillion + call.WriteUnits*prices.WriteMillion,
			SES:      float64(call.Emails) * prices.EmailsThousand * 1000,
			KMS:      float64(call.Signatures) * prices.SignsTenThousand * 100,
			Reads:    call.ReadUnits, Writes: call.WriteUnits,
		}
		if call.Route != "" {
			c.Gateway = prices.GatewayMillion
		}
		c.All = c.Gateway + c.Lambda + c.DynamoDB + c.SES + c.KMS
		b.Costs = append(b.Costs, c)
	}
	b.wholeLife()
}

// lifeCalls are the calls that a claim's life consists of, by their names: from the adding to the completion. Emails
// about events, which a partner can decline, are not among them.
var lifeCalls = []string{
	"add-customer", "send-consent", "mail-feedback", "consent-callback, accept", "referral-upgrade, from the stream",
	"submit-claim", "review-claim, complete",
}

// noticeCalls are the emails that follow from a claim's acceptance and completion: they count among what the ceilings
// are held against.
var noticeCalls = []string{"notify, of an acceptance", "notify, of a completion"}

// lifeBudget is how many units a claim's life may write.
const lifeBudget = 100

// wholeLife adds up what a claim's life costs, as the last of the costs, where all its calls were measured.
func (b *bench) wholeLife() {
	whole := costFigures{Name: life}
	for _, name := range lifeCalls {
		at := slices.IndexFunc(b.Costs, func(c costFigures) bool { return c.Name == name })
		if at < 0 {
			return
		}
		c := b.Costs[at]
		whole.Reads, whole.Writes = whole.Reads+c.Reads, whole.Writes+c.Writes
		whole.Gateway, whole.Lambda, whole.DynamoDB = whole.Gateway+c.Gateway, whole.Lambda+c.Lambda,
			whole.DynamoDB+c.DynamoDB
		whole.SES, whole.KMS, whole.All = whole.SES+c.SES, whole.KMS+c.KMS, whole.All+c.All
	}
	b.Costs = append(b.Costs, whole)
	b.expect(whole.Writes <= lifeBudget, "a claim's life writes %.1f units, more than %d", whole.Writes, lifeBudget)
}
