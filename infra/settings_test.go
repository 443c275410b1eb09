package main

import (
	"maps"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, rule := range []struct {
		name    string
		context map[string]any
		says    []string // all of these; none where the settings are good
	}{
		{"dev needs nothing else", map[string]any{"stage": "dev"}, nil},
		{"production needs a sender, the portal and someone to wake", prod, nil},
		{"everything may be set", all, nil},
		{"the CDK's own flags are no settings", with(prod, map[string]any{"aws:cdk:x": true, "@aws-cdk/core:y": true, "cli-telemetry": false}), nil},
		{"a stage must be chosen", nil, []string{`stage is ""`, "-c stage=dev or -c stage=prod"}},
		{"there are two stages", map[string]any{"stage": "test"}, []string{`stage is "test"`, "-c stage=dev or -c stage=prod"}},
		{"every missing setting is named at once", map[string]any{"stage": "prod"}, []string{"sender is missing: set -c sender=", "portalOrigin is missing: set -c portalOrigin=", "alarmEmail is missing: set -c alarmEmail="}},
		{"a sender is an address", with(prod, map[string]any{"sender": "Contoso <a@b.com>"}), []string{"sender is ", "set -c sender="}},
		{"a sender has a domain", with(prod, map[string]any{"sender": "consent@localhost"}), []string{"sender is "}},
		{"an origin has no path", with(prod, map[string]any{"portalOrigin": "https://portal.contoso.com/"}), []string{"portalOrigin is ", "without a path"}},
		{"an origin is one origin", with(prod, map[string]any{"portalOrigin": "https://*.contoso.com"}), []string{"portalOrigin is "}},
		{"production's portal is encrypted", with(prod, map[string]any{"portalOrigin": "http://localhost:3000"}), []string{"portalOrigin is "}},
		{"a portal elsewhere is encrypted in dev too", map[string]any{"stage": "dev", "portalOrigin": "http://portal.contoso.com"}, []string{"portalOrigin is "}},
		{"a domain needs its certificate", with(prod, map[string]any{"domain": "mci.contoso.com"}), []string{"domain needs the setting certificate"}},
		{"a certificate needs its domain", with(prod, map[string]any{"certificate": all["certificate"]}), []string{"certificate needs the setting domain"}},
		{"a domain is a host name", with(all, map[string]any{"domain": "https://mci.contoso.com"}), []string{"domain is "}},
		{"an issuer needs its audience", with(prod, map[string]any{"issuer": all["issuer"]}), []string{"issuer needs the setting audience"}},
		{"an issuer is encrypted", with(all, map[string]any{"issuer": "http://login.contoso.com"}), []string{"issuer is "}},
		{"names of claims are an issuer's", with(prod, map[string]any{"rolesClaim": "roles"}), []string{"rolesClaim needs the setting issuer"}},
		{"a restored table needs its stream", with(prod, map[string]any{"table": "restored"}), []string{"table needs the setting tableStream"}},
		{"the number of the cursors' key counts up from 1", with(prod, map[string]any{"cursorKey": "0"}), []string{"cursorKey is "}},
		{"a misspelt setting is not passed over", with(prod, map[string]any{"alarmMail": "a@b.com"}), []string{"alarmMail is unknown: there are stage, sender"}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			before := maps.Clone(rule.context)
			_, err := settingsOf(rule.context)
			if (err != nil) != (len(rule.says) > 0) {
				t.Fatalf("settings %v: error %v", rule.context, err)
			}
			for _, part := range rule.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
			if !maps.Equal(before, rule.context) {
				t.Error("reading the settings changed them")
			}
		})
	}
}

func TestSettingsOfDevAndProd(t *testing.T) {
	dev, err := settingsOf(map[string]any{"stage": "dev"})
	if err != nil {
		t.Fatal(err)
	}
	if dev.Sender == "" || dev.PortalOrigin == "" || dev.PartnerClaim != "custom:partnerId" || dev.RolesClaim != "cognito:groups" || dev.CursorKey != 1 {
		t.Errorf("dev is left with %+v", dev)
	}
	every, err := settingsOf(all)
	if err != nil {
		t.Fatal(err)
	}
	if every.Stage != Prod || every.Domain != all["domain"] || every.Table != "restored" || every.CursorKey != 2 || every.RolesClaim != "roles" {
		t.Errorf("settings were read as %+v", every)
	}
}
