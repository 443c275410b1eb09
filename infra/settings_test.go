package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, rule := range []struct {
		name    string
		context map[string]any
		says    []string // all of these; none where the settings are good
	}{
		{"dev needs nothing else", dev, nil},
		{"production needs a sender and someone to wake", prod, nil},
		{"everything may be set", all, nil},
		{"numbers may stand as numbers", with(prod, map[string]any{"mailsPerPartnerPerDay": 250000.,
			"retentionMonths": 36.}), nil},
		{"the CDK's own flags are no settings",
			map[string]any{"stage": "dev", "stages": dev["stages"], "aws:cdk:x": true, "@aws-cdk/core:y": true,
				"cli-telemetry": false}, nil},
		{"a stage must be chosen", nil, []string{`the stage is ""`, "STAGE=dev or STAGE=prod"}},
		{"there are two stages", map[string]any{"stage": "test"}, []string{`the stage is "test"`,
			"STAGE=dev or STAGE=prod"}},
		{"a stage has its settings", map[string]any{"stage": "dev"},
			[]string{"cdk.json: context.stages.dev is missing"}},
		{"every missing setting is named at once", stage("prod", nil),
			[]string{"cdk.json: context.stages.prod.sender is missing: it is",
				"context.stages.prod.alarmEmail is missing: it is"}},
		{"an empty setting is missing", with(prod, map[string]any{"sender": " "}), []string{"sender is missing"}},
		{"a sender is an address", with(prod, map[string]any{"sender": "Contoso <a@b.com>"}),
			[]string{`sender is "Contoso <a@b.com>": it is`}},
		{"a sender has a domain", with(prod, map[string]any{"sender": "consent@localhost"}), []string{"sender is "}},
		{"an origin has no path", with(prod, map[string]any{"portalOrigin": "https://portal.contoso.com/"}),
			[]string{"portalOrigin is ", "without a path"}},
		{"an origin is one origin", with(prod, map[string]any{"portalOrigin": "https://*.contoso.com"}),
			[]string{"portalOrigin is "}},
		{"another portal is encrypted in production",
			with(prod, map[string]any{"portalOrigin": "http://localhost:3000"}), []string{"portalOrigin is "}},
		{"a portal elsewhere is encrypted in dev too",
			with(dev, map[string]any{"portalOrigin": "http://portal.contoso.com"}), []string{"portalOrigin is "}},
		{"a domain needs its certificate", with(prod, map[string]any{"domain": "mci.contoso.com"}),
			[]string{"domain needs certificate beside it"}},
		{"a certificate needs its domain", with(prod, map[string]any{"certificate": settingOf(all, "certificate")}),
			[]string{"certificate needs domain beside it"}},
		{"a domain is a host name", with(all, map[string]any{"domain": "https://mci.contoso.com"}),
			[]string{"domain is "}},
		{"an issuer needs its audience", with(prod, map[string]any{"issuer": settingOf(all, "issuer")}),
			[]string{"issuer needs audience beside it"}},
		{"an issuer is encrypted", with(all, map[string]any{"issuer": "http://login.contoso.com"}),
			[]string{"issuer is "}},
		{"a setting is text or a number", with(all, map[string]any{"audience": []any{"portal"}}),
			[]string{"audience is "}},
		{"names of claims are an issuer's", with(prod, map[string]any{"rolesClaim": "roles"}),
			[]string{"rolesClaim needs issuer beside it"}},
		{"a restored table needs its stream", with(prod, map[string]any{"table": "restored"}),
			[]string{"table needs tableStream beside it"}},
		{"keys are numbered from 1", with(prod, map[string]any{"receiptKey": 0.}),
			[]string{"receiptKey is "}},
		{"mails are limited (D25)", with(prod, map[string]any{"mailsPerPartnerPerDay": "none"}),
			[]string{"mailsPerPartnerPerDay is "}},
		{"private detail is kept whole months (D37)", with(prod, map[string]any{"retentionMonths": 0.5}),
			[]string{`retentionMonths is "0.5"`}},
		{"a misspelt setting is not passed over", with(prod, map[string]any{"alarmMail": "a@b.com"}),
			[]string{"alarmMail is unknown: there are sender, "}},
		{"a setting that the next deployment could forget is refused",
			map[string]any{"stage": "dev", "stages": dev["stages"], "table": "restored"},
			[]string{"context.table is no place for a setting: move it to cdk.json: context.stages.dev.table"}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			before := fmt.Sprint(rule.context)
			_, err := settingsOf(rule.context)
			if (err != nil) != (len(rule.says) > 0) {
				t.Fatalf("settings %v: error %v", rule.context, err)
			}
			for _, part := range rule.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if before != fmt.Sprint(rule.context) {
				t.Error("reading the settings changed them")
			}
		})
	}
}

func TestSettingsOfDevAndProd(t *testing.T) {
	usual, err := settingsOf(dev)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{Stage: Dev, Sender: "consent@mci.example", PortalOrigin: "http://localhost:3000",
		PartnerClaim: "custom:partnerId", RolesClaim: "cognito:groups", ReceiptKey: 1,
		MailsPerPartnerPerDay: "1000"}
	if usual != want {
		t.Errorf("dev is left with %+v", usual)
	}
	every, err := settingsOf(all)
	if err != nil {
		t.Fatal(err)
	}
	want = Settings{Stage: Prod, Sender: "consent@mail.contoso.com", PortalOrigin: "https://portal.contoso.com",
		AlarmEmail: "operations@contoso.com", Domain: "mci.contoso.com", Certificate: settingOf(all, "certificate"),
		Issuer: "https://login.contoso.com/v2", Audience: "portal", PartnerClaim: "partner", RolesClaim: "roles",
		ReceiptKey: 2, MailsPerPartnerPerDay: "250", RetentionMonths: "36", Table: "restored",
		TableStream: settingOf(all, "tableStream")}
	if every != want {
		t.Errorf("settings were read as %+v", every)
	}
}

// TestTheSettingsOfTheRepository holds cdk.json: dev can be deployed as it is, production says what it lacks.
func TestTheSettingsOfTheRepository(t *testing.T) {
	file, err := os.ReadFile("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	var cdk struct{ Context map[string]any }
	if err := json.Unmarshal(file, &cdk); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{"dev": "", "prod": "sender is missing"} {
		cdk.Context["stage"] = name
		_, err := settingsOf(cdk.Context)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("stage %s: %v", name, err)
		}
	}
}
