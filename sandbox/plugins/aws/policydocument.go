package aws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

var (
	textList      = field{kind: list, of: &field{kind: text}}
	principalList = field{kind: list, of: &field{kind: object, fields: fields{
		"type":        {kind: text, required: true},
		"identifiers": {kind: list, required: true, of: &field{kind: text}},
	}}}
	policyDocumentArgs = fields{
		"policyId": {kind: text},
		"version":  {kind: text, oneOf: []string{"2008-10-17", "2012-10-17"}},
		"statements": {kind: list, of: &field{kind: object, fields: fields{
			"sid":     {kind: text},
			"effect":  {kind: text, oneOf: []string{"Allow", "Deny"}},
			"actions": textList, "notActions": textList, "resources": textList, "notResources": textList,
			"principals": principalList, "notPrincipals": principalList,
			"conditions": {kind: list, of: &field{kind: object, fields: fields{
				"test": {kind: text, required: true}, "variable": {kind: text, required: true},
				"values": {kind: list, required: true, of: &field{kind: text}},
			}}},
		}}},
		"sourcePolicyDocuments":   {kind: list, of: &field{kind: document}},
		"overridePolicyDocuments": {kind: list, of: &field{kind: document}},
	}
)

// policyDoc is a policy as IAM reads it. The order of its fields, and of what lists hold, is that of pulumi-aws. Other
// documents that it is merged from keep their own spelling.
type policyDoc struct {
	Version   string            `json:",omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []policyStatement `json:",omitempty"`
}

type policyStatement struct {
	Sid          string                         `json:",omitempty"`
	Effect       string                         `json:",omitempty"`
	Action       any                            `json:",omitempty"`
	NotAction    any                            `json:",omitempty"`
	Resource     any                            `json:",omitempty"`
	NotResource  any                            `json:",omitempty"`
	Principal    any                            `json:",omitempty"` // "*", or identifiers by type
	NotPrincipal any                            `json:",omitempty"`
	Condition    map[string]map[string]oneOrAll `json:",omitempty"` // values by variable by test
}

// oneOrAll is a list that is written as a string when it holds one.
type oneOrAll []string

// MarshalJSON writes one value as itself.
func (l oneOrAll) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// UnmarshalJSON reads a value or a list; IAM takes a boolean for a string.
func (l *oneOrAll) UnmarshalJSON(data []byte) error {
	var one string
	var many []string
	switch {
	case json.Unmarshal(data, &one) == nil:
		*l = oneOrAll{one}
	case json.Unmarshal(data, &many) == nil:
		*l = many
	case string(data) == "true", string(data) == "false":
		*l = oneOrAll{string(data)}
	default:
		return fmt.Errorf("%s is neither a string nor a list of strings", data)
	}
	return nil
}

// getPolicyDocument renders a policy: the source documents, then the statements, then what overrides them by Sid.
func getPolicyDocument(_ *cloud, args plain) (plain, error) {
	in, err := convert[documentArgs](args)
	if err != nil {
		return nil, err
	}
	own := policyDoc{Version: firstOf(in.Version, "2012-10-17"), ID: in.PolicyID}
	for i, s := range in.Statements {
		statement, err := s.render(own.Version)
		if err != nil {
			return nil, fmt.Errorf("statements[%d]: %w", i, err)
		}
		own.Statement = append(own.Statement, statement)
	}
	if sid := repeatedSid(own.Statement); sid != "" {
		return nil, fmt.Errorf("statements: two of them have the Sid %q: remove one or make them differ", sid)
	}
	sources, err := decodeDocs("sourcePolicyDocuments", in.SourcePolicyDocuments)
	if err != nil {
		return nil, err
	}
	var all []policyStatement
	for _, doc := range sources {
		all = append(all, doc.Statement...)
	}
	if sid := repeatedSid(all); sid != "" {
		return nil, fmt.Errorf(
			"sourcePolicyDocuments: two statements have the Sid %q: remove one or make them differ", sid,
		)
	}
	overrides, err := decodeDocs("overridePolicyDocuments", in.OverridePolicyDocuments)
	if err != nil {
		return nil, err
	}
	var merged policyDoc
	for _, doc := range slices.Concat(sources, []policyDoc{own}, overrides) {
		merged.merge(doc)
	}
	pretty, err := json.MarshalIndent(merged, "", "  ")
	if err != nil {
		return nil, err
	}
	var small bytes.Buffer
	if err := json.Compact(&small, pretty); err != nil {
		return nil, err
	}
	out := plain{"version": own.Version}
	for name, value := range args {
		out[name] = value
	}
	out["json"], out["minifiedJson"] = string(pretty), small.String()
	out["id"] = strconv.Itoa(int(crc32.ChecksumIEEE(pretty)))
	return out, nil
}

// merge adds a later document: a statement replaces the one of its Sid.
func (d *policyDoc) merge(later policyDoc) {
	d.ID = firstOf(later.ID, d.ID)
	d.Version = max(d.Version, later.Version)
	for _, s := range later.Statement {
		i := slices.IndexFunc(d.Statement, func(e policyStatement) bool { return s.Sid != "" && e.Sid == s.Sid })
		if i >= 0 {
			d.Statement[i] = s
		} else {
			d.Statement = append(d.Statement, s)
		}
	}
}

func decodeDocs(what string, texts []string) ([]policyDoc, error) {
	docs := make([]policyDoc, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &docs[i]); err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", what, i, err)
		}
	}
	return docs, nil
}

// repeatedSid is a Sid that two statements have, or "".
func repeatedSid(statements []policyStatement) string {
	seen := map[string]bool{}
	for _, s := range statements {
		if s.Sid != "" && seen[s.Sid] {
			return s.Sid
		}
		seen[s.Sid] = true
	}
	return ""
}
