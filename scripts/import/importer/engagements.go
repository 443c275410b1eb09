package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// Bounds of an engagement's numbers.
const (
	maxLimit   = 500  // D4
	maxWindow  = 3650 // days
	maxHours   = 100_000
	maxNesting = 10 // an engagement has three levels
)

// readEngagements goes through the array of engagements, one element at a time.
func readEngagements(s *source) error {
	text := &kept{reader: skipMark(s)}
	decoder := json.NewDecoder(text)
	index := 0
	fail := func(err error) error {
		r := &row{source: s, at: place{s.file, index}}
		if errors.Is(err, errTooLong) {
			return r.fail(err.Error())
		}
		if text.err != nil {
			return text.err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r.fail("the file ends too early")
		}
		return r.fail("the file is not valid JSON" + text.where(err) + ": " + err.Error())
	}
	switch start, err := decoder.Token(); {
	case errors.Is(err, io.EOF):
		return (&row{source: s, at: place{s.file, 0}}).fail("the file is empty: it must hold an array of engagements")
	case err != nil:
		return fail(err)
	case start != json.Delim('['):
		return (&row{source: s, at: place{s.file, 0}}).fail("the file must hold an array of engagements")
	}
	for ; decoder.More(); index++ {
		s.unread = 0
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return fail(err)
		}
		r := &row{source: s, at: place{s.file, index}}
		if err := s.deliver(r, engagementChange(r, raw)); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fail(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return (&row{source: s, at: place{s.file, index}}).fail("something follows the array")
	}
	return nil
}

// kept keeps the error of a reader, to tell a file that cannot be read from one that is not JSON, and where lines end.
type kept struct {
	reader io.Reader
	err    error
	read   int64
	ends   []int64
}

func (k *kept) Read(buffer []byte) (int, error) {
	n, err := k.reader.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	for i, character := range buffer[:n] {
		if character == '\n' {
			k.ends = append(k.ends, k.read+int64(i))
		}
	}
	k.read += int64(n)
	return n, err
}

// where says in which line a syntax error stands.
func (k *kept) where(err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before, _ := slices.BinarySearch(k.ends, syntax.Offset-1)
	return fmt.Sprintf(" in line %d", before+1)
}

func engagementChange(r *row, raw json.RawMessage) change {
	o, ok := r.element(raw)
	if !ok {
		r.keyless = true
		return change{}
	}
	engagement := mci.Engagement{
		ID:                     o.id("id"),
		Name:                   o.line("name", mci.MaxName),
		SolutionArea:           o.line("solutionArea", mci.MaxName),
		Description:            o.text("description", mci.MaxNotes),
		PayType:                wordOf(o, "payType", payTypes),
		CustomerIDTypes:        o.idTypes("customerIdTypes"),
		StartsOn:               o.date("startsOn"),
		EndsOn:                 o.date("endsOn"),
		ConsentWindowDays:      o.whole("consentWindowDays", 1, maxWindow),
		SubmissionWindowDays:   o.whole("submissionWindowDays", 1, maxWindow),
		ResubmissionWindowDays: o.whole("resubmissionWindowDays", 1, maxWindow),
		Exclusive:              o.flag("exclusive"),
	}
	if engagement.StartsOn != "" && engagement.EndsOn != "" && engagement.EndsOn < engagement.StartsOn {
		o.report("endsOn", "must not be before startsOn; is %s", engagement.EndsOn)
	}
	if limits, ok := o.object("claimLimits", required); ok {
		engagement.ClaimLimits = mci.ClaimLimits{Active: limits.whole("active", 1, maxLimit), Allowed: limits.whole("allowed", 1, maxLimit)}
		if active, allowed := engagement.ClaimLimits.Active, engagement.ClaimLimits.Allowed; active > 0 && allowed > 0 && allowed < active {
			limits.report("allowed", "must not be less than active, which is %d; is %d", active, allowed)
		}
		limits.end()
	}
	if _, ok := o.present("payout"); ok {
		money := o.money("payout")
		engagement.Payout = &money
	}
	engagement.Rates = ratesOf(o)
	payRules(o, engagement)
	if referral, ok := o.object("referral", orNull); ok {
		engagement.Referral = &mci.ReferralRule{MinDealSize: referral.money("minDealSize")}
		referral.end()
	}
	if coSell, ok := o.object("coSell", orNull); ok {
		engagement.CoSell = &mci.CoSellRule{
			MinDealSize: coSell.money("minDealSize"), ManagedCustomersOnly: coSell.flag("managedCustomersOnly"),
		}
		coSell.end()
		if engagement.Referral == nil {
			o.report("coSell", "needs a referral to upgrade, and the engagement has none")
		}
	}
	o.end()
	if engagement.ID == "" {
		r.keyless = true
	}
	record := table.NewEngagementRecord(engagement)
	return change{record.Key, record}
}

func ratesOf(o *object) *mci.Rates {
	rates, ok := o.object("rates", orNull)
	if !ok {
		return nil
	}
	read := mci.Rates{
		PerHour:               rates.money("perHour"),
		MinHours:              rates.whole("minHours", 1, maxHours),
		MaxHours:              rates.whole("maxHours", 1, maxHours),
		MaxPayout:             rates.money("maxPayout"),
		MaxShareOfOpportunity: rates.share("maxShareOfOpportunity"),
	}
	if read.MinHours > 0 && read.MaxHours > 0 && read.MaxHours < read.MinHours {
		rates.report("maxHours", "must not be less than minHours, which is %d; is %d", read.MinHours, read.MaxHours)
	}
	rates.end()
	return &read
}

var payTypes = []mci.PayType{mci.Fixed, mci.Variable}

// takes says which customer IDs each kind of pay may take (S9).
var takes = map[mci.PayType][]mci.IDType{
	mci.Fixed:    {mci.Domain, mci.TenantID, mci.TPID, mci.AzureSubscription},
	mci.Variable: {mci.MSXOpportunity},
}

// payRules checks that the engagement has what its kind of pay needs, and nothing that it cannot use (S9, D8).
func payRules(o *object, engagement mci.Engagement) {
	for _, idType := range engagement.CustomerIDTypes {
		if taken := takes[engagement.PayType]; taken != nil && !slices.Contains(taken, idType) {
			o.report("customerIdTypes", "%s pay takes %s; not %s", engagement.PayType, mci.Join(taken), idType)
		}
	}
	_, hasPayout := o.present("payout")
	_, hasRates := o.present("rates")
	rules := []struct {
		payType mci.PayType
		field   string
		has     bool
		should  bool
	}{
		{mci.Fixed, "payout", hasPayout, true},
		{mci.Fixed, "rates", hasRates, false},
		{mci.Variable, "payout", hasPayout, false},
		{mci.Variable, "rates", hasRates, true},
	}
	for _, rule := range rules {
		switch {
		case rule.payType != engagement.PayType || rule.has == rule.should:
		case rule.should:
			o.report(rule.field, "is missing, which %s pay needs", rule.payType)
		default:
			o.report(rule.field, "has no meaning with %s pay", rule.payType)
		}
	}
}

// object is a JSON object being checked, of which each field is asked for once and none may be left over.
type object struct {
	row    *row
	path   string // what field names begin with in messages
	fields map[string]any
	known  map[string]bool
}

// element reads an element of an array, which must be an object.
func (r *row) element(raw json.RawMessage) (*object, bool) {
	if !utf8.Valid(raw) {
		return nil, r.refuse("is not text in UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	value, err := r.value(decoder, "", 0)
	if err != nil {
		return nil, r.refuse(err.Error())
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, r.refuse("must be an object; is " + kindOf(value))
	}
	return &object{r, "", fields, map[string]bool{}}, true
}

func (r *row) refuse(reason string) bool {
	r.report("the element", "%s", reason)
	return false
}

// value reads a JSON value, and reports fields given twice, of which a plain decoder would take the last.
func (r *row) value(decoder *json.Decoder, path string, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("is nested too deep")
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		fields := map[string]any{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			field := path + fmt.Sprint(name)
			value, err := r.value(decoder, field+".", depth+1)
			if err != nil {
				return nil, err
			}
			if _, twice := fields[fmt.Sprint(name)]; twice {
				r.report(printable(field), "is there twice")
			}
			fields[fmt.Sprint(name)] = value
		}
		_, err = decoder.Token()
		return fields, err
	case json.Delim('['):
		values := []any{}
		for decoder.More() {
			value, err := r.value(decoder, path+strconv.Itoa(len(values))+".", depth+1)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		_, err = decoder.Token()
		return values, err
	}
	return token, nil
}

func kindOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(value)
	case json.Number:
		return "the number " + strings.Trim(quoted(value.String()), `"`)
	case string:
		return quoted(value)
	case []any:
		return "an array"
	}
	return "an object"
}

func (o *object) report(field, format string, arguments ...any) {
	o.row.report(o.path+field, format, arguments...)
}

// present gives a field's value. A field that is null is one that is not there.
func (o *object) present(field string) (any, bool) {
	o.known[field] = true
	value := o.fields[field]
	return value, value != nil
}

// end reports the fields that nothing asked for.
func (o *object) end() {
	var unknown []string
	for field := range o.fields {
		if !o.known[field] {
			unknown = append(unknown, field)
		}
	}
	slices.Sort(unknown)
	for _, field := range unknown {
		o.report(printable(field), "is not a field")
	}
}

// of reads a field as a T.
func of[T any](o *object, field, kind string) (T, bool) {
	value, present := o.present(field)
	read, ok := value.(T)
	switch {
	case !present:
		o.report(field, "is missing")
	case !ok:
		o.report(field, "must be %s; is %s", kind, kindOf(value))
	}
	return read, ok
}

func (o *object) id(field string) string {
	id, ok := of[string](o, field, "a string")
	if !ok {
		return ""
	}
	if err := mci.CheckID(id); err != nil {
		o.report(field, "%w; is %s", err, quoted(id))
		return ""
	}
	return id
}

func (o *object) line(field string, max int) string {
	text, ok := of[string](o, field, "a string")
	text = strings.TrimSpace(text)
	if err := mci.CheckLine(text, max); ok && err != nil {
		o.report(field, "%w; is %s", err, quoted(text))
	}
	return text
}

func (o *object) text(field string, max int) string {
	text, ok := of[string](o, field, "a string")
	if err := mci.CheckText(text, max); ok && err != nil {
		o.report(field, "%w; is %s", err, quoted(text))
	}
	return text
}

// whole reads a whole number, 0 if it is none that is allowed.
func (o *object) whole(field string, min, max int) int {
	value, present := o.present(field)
	if !present {
		o.report(field, "is missing")
		return 0
	}
	number, _ := value.(json.Number)
	whole, err := strconv.Atoi(number.String())
	if err != nil || whole < min || whole > max {
		o.report(field, "must be a whole number from %d to %d; is %s", min, max, kindOf(value))
		return 0
	}
	return whole
}

// flag reads true or false, the latter if the field is left out.
func (o *object) flag(field string) bool {
	if _, present := o.present(field); !present {
		return false
	}
	flag, _ := of[bool](o, field, "true or false")
	return flag
}

func (o *object) date(field string) mci.Date {
	text, ok := of[string](o, field, "a string")
	date, err := mci.ParseDate(text)
	if ok && err != nil {
		o.report(field, "%w; is %s", err, quoted(text))
	}
	return date
}

func (o *object) money(field string) mci.Money {
	amount, ok := of[string](o, field, `a string such as "1250.00"`)
	if !ok {
		return mci.Money{}
	}
	money, err := mci.ParseMoney(amount)
	if err != nil {
		o.report(field, "%w; is %s", err, quoted(amount))
	}
	return money
}

func (o *object) share(field string) mci.Share {
	text, ok := of[string](o, field, `a string such as "0.15"`)
	if !ok {
		return mci.Share{}
	}
	share, err := mci.ParseShare(text)
	if err != nil {
		o.report(field, "%w; is %s", err, quoted(text))
	}
	return share
}

// idTypes reads the types of customer ID that an engagement takes: at least one, each once.
func (o *object) idTypes(field string) []mci.IDType {
	values, ok := of[[]any](o, field, "an array")
	if ok && len(values) == 0 {
		o.report(field, "must name at least one type")
	}
	var types []mci.IDType
	for i, value := range values {
		text, _ := value.(string)
		at := fmt.Sprintf("%s.%d", field, i)
		switch idType := mci.IDType(text); {
		case !slices.Contains(mci.IDTypes, idType):
			o.report(at, "must be one of %s; is %s", mci.Join(mci.IDTypes), kindOf(value))
		case slices.Contains(types, idType):
			o.report(at, "%s is there twice", idType)
		default:
			types = append(types, idType)
		}
	}
	return types
}

// wordOf reads a field that holds one of a few words; "" if it holds another.
func wordOf[T ~string](o *object, field string, words []T) T {
	text, ok := of[string](o, field, "a string")
	switch {
	case !ok:
	case !slices.Contains(words, T(text)):
		o.report(field, "must be one of %s; is %s", mci.Join(words), quoted(text))
	default:
		return T(text)
	}
	return ""
}

// Whether a field that holds an object may be null or left out.
const (
	required = true
	orNull   = false
)

func (o *object) object(field string, required bool) (*object, bool) {
	if _, present := o.present(field); !present && !required {
		return nil, false
	}
	fields, ok := of[map[string]any](o, field, "an object")
	return &object{o.row, o.path + field + ".", fields, map[string]bool{}}, ok
}
