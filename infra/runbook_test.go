package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheReadmeSaysWhatToDoAboutEveryAlarm(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, alarm := range prodTemplate(t).of("AWS::CloudWatch::Alarm") {
		name := strings.TrimPrefix(alarm.say("AlarmName"), "mci-customers-prod-")
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("the README says nothing of the alarm %s", name)
		}
	}
	for _, set := range settings {
		if !strings.Contains(string(readme), "`"+set.name+"`") {
			t.Errorf("the README says nothing of the setting %s", set.name)
		}
	}
}
