package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// serveLocal answers what has no counterpart in the deployed API: sign-in, the clock, what the processes use, and
// running a function by hand.
func (c *Cloud) serveLocal(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/local/")
	function, invokes := strings.CutPrefix(path, "invoke/")
	switch {
	case strings.HasPrefix(path, "issuer/") && !c.config.IssuerApart:
		c.issuer.ServeHTTP(w, r)
	case path == "token" && r.Method == http.MethodPost:
		c.serveToken(w, r)
	case path == "events" && r.Method == http.MethodGet:
		c.serveEvents(w, r)
	case path == "processes" && r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"processes": c.Processes()})
	case path == "clock" && (r.Method == http.MethodPost || r.Method == http.MethodGet):
		c.serveClock(w, r)
	case invokes && r.Method == http.MethodPost:
		c.serveInvoke(w, r, function)
	default:
		writeMessage(w, http.StatusNotFound, "Not Found")
	}
}

func (c *Cloud) serveToken(w http.ResponseWriter, r *http.Request) {
	var user struct {
		Subject string   `json:"sub"`
		Partner string   `json:"partnerId"`
		Roles   []string `json:"roles"`
	}
	if err := decodeStrictly(r.Body, &user); err != nil {
		writeMessage(w, http.StatusBadRequest, err.Error())
		return
	}
	if user.Subject == "" {
		writeMessage(w, http.StatusBadRequest, "sub is missing: who the token is for")
		return
	}
	token, err := c.Token(user.Subject, user.Partner, user.Roles...)
	if err != nil {
		writeMessage(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": token})
}

// eventsPatience is how long a list of events waits for those that are on their way to the bus.
const eventsPatience = 30 * time.Second

func (c *Cloud) serveEvents(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), eventsPatience)
	defer cancel()
	events, err := c.Events(ctx, r.URL.Query().Get("claimId"))
	if err != nil {
		writeMessage(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"events": events})
}

func (c *Cloud) serveClock(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var asked struct {
			Offset *string `json:"offset"`
		}
		if err := decodeStrictly(r.Body, &asked); err != nil {
			writeMessage(w, http.StatusBadRequest, err.Error())
			return
		}
		if asked.Offset == nil {
			writeMessage(w, http.StatusBadRequest, `offset is missing: how far ahead, as in {"offset":"744h"}`)
			return
		}
		offset, err := time.ParseDuration(*asked.Offset)
		if err != nil {
			writeMessage(w, http.StatusUnprocessableEntity, "offset is no duration such as 744h or 90m: "+*asked.Offset)
			return
		}
		if offset < 0 {
			writeMessage(w, http.StatusUnprocessableEntity, "offset is negative: the clock runs ahead, never behind")
			return
		}
		if err := c.SetClock(offset); err != nil {
			writeMessage(w, http.StatusInternalServerError, err.Error())
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"offset": c.clock.offset().String(), "now": c.clock.now().UTC().Format(time.RFC3339)})
}

// serveInvoke runs a function with the payload, or with its sample.
func (c *Cloud) serveInvoke(w http.ResponseWriter, r *http.Request, function string) {
	if c.lambda.functions[function] == nil {
		writeMessage(w, http.StatusNotFound, "no such function: "+function)
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maximumPayload))
	if err != nil {
		writeMessage(w, http.StatusRequestEntityTooLarge, "a payload is at most 6 MB")
		return
	}
	if len(bytes.TrimSpace(payload)) == 0 {
		payload, err = os.ReadFile(filepath.Join(c.config.Root, "events", function+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			writeMessage(w, http.StatusBadRequest, "no payload was given, and events/"+function+
				".json is no sample to use instead")
			return
		}
		if err != nil {
			writeMessage(w, http.StatusInternalServerError, err.Error())
			return
		}
	}
	if !json.Valid(payload) {
		writeMessage(w, http.StatusBadRequest, "the payload is not JSON")
		return
	}
	requestID := newID()
	result := c.lambda.invoke(function, requestID, payload)
	status := http.StatusOK
	if result.Failed {
		status = http.StatusInternalServerError
	}
	w.Header().Set(RequestIDHeader, requestID)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(result.Payload) // a caller that has gone away is not told
}

// decodeStrictly reads one JSON object with no fields that are unknown.
func decodeStrictly(body io.Reader, value any) error {
	decoder := json.NewDecoder(io.LimitReader(body, 64<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("the body is not understood: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body is more than one JSON object")
	}
	return nil
}
