package main

import "mci.example/customers/shared/platform"

// priceList is what AWS charges, in US dollars, beyond its free tiers and at the first step where prices fall with use.
type priceList struct {
	Region          string  `json:"region"`
	Seen            string  `json:"seen"` // when they were looked up
	GatewayMillion  float64 `json:"httpApiMillionRequests"`
	LambdaMillion   float64 `json:"lambdaMillionRequests"`
	LambdaGBSecond  float64 `json:"lambdaArm64GBSecond"`
	ReadMillion     float64 `json:"dynamodbMillionReadRequestUnits"`
	WriteMillion    float64 `json:"dynamodbMillionWriteRequestUnits"`
	EmailsThousand  float64 `json:"sesThousandEmails"`
	WithoutTransfer bool    `json:"withoutDataTransferLogsAndStorage"`
}

var prices = priceList{
	Region: "us-east-1", Seen: "2025", GatewayMillion: 1.00, LambdaMillion: 0.20, LambdaGBSecond: 0.0000133334,
	ReadMillion: 0.125, WriteMillion: 0.625, EmailsThousand: 0.10, WithoutTransfer: true,
}

// costFigures are what a million calls cost, in US dollars.
type costFigures struct {
	Name     string  `json:"name"`
	Route    string  `json:"route,omitempty"`
	Gateway  float64 `json:"gateway"`
	Lambda   float64 `json:"lambda"`
	DynamoDB float64 `json:"dynamodb"`
	SES      float64 `json:"ses"`
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
		}
		if call.Route != "" {
			c.Gateway = prices.GatewayMillion
		}
		c.All = c.Gateway + c.Lambda + c.DynamoDB + c.SES
		b.Costs = append(b.Costs, c)
	}
}
