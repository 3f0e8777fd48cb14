// A stand-in for a Terraform provider: it has the schema that TERRAFORM_SCHEMA names, and plans without a cloud. What a provider
// works out by itself is planned as a text that says so: <aws_sqs_queue.NAME.arn>. Nothing can be applied.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type                         json.RawMessage
	Required, Optional, Computed bool
}

type nested struct {
	Nesting  string
	Min, Max int64
	Block    block
}

type block struct {
	Attributes map[string]attribute
	Blocks     map[string]nested
}

type schemas struct {
	Provider  block
	Resources map[string]block
	Data      map[string]block
	// What data sources answer, by name and attribute.
	Answers map[string]map[string]string
}

func (b block) schema() *tfprotov5.SchemaBlock {
	made := &tfprotov5.SchemaBlock{}
	for name, one := range b.Attributes {
		kind, err := tftypes.ParseJSONType(one.Type) //nolint:staticcheck // the schema comes as JSON
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		made.Attributes = append(made.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: one.Required, Optional: one.Optional, Computed: one.Computed,
		})
	}
	nestings := map[string]tfprotov5.SchemaNestedBlockNestingMode{
		"list": tfprotov5.SchemaNestedBlockNestingModeList, "set": tfprotov5.SchemaNestedBlockNestingModeSet,
		"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	}
	for name, one := range b.Blocks {
		made.BlockTypes = append(made.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: one.Block.schema(), Nesting: nestings[one.Nesting], MinItems: one.Min, MaxItems: one.Max,
		})
	}
	return made
}

func all(blocks map[string]block) map[string]*tfprotov5.Schema {
	made := map[string]*tfprotov5.Schema{}
	for name, one := range blocks {
		made[name] = &tfprotov5.Schema{Block: one.schema()}
	}
	return made
}

// filled has a text for each attribute that is not set and is worked out by the provider.
func (b block) filled(kind string, value *tfprotov5.DynamicValue, answers map[string]string) (*tfprotov5.DynamicValue, error) {
	of := b.schema().ValueType()
	whole, err := value.Unmarshal(of)
	if err != nil || whole.IsNull() {
		return value, err
	}
	attributes := map[string]tftypes.Value{}
	if err := whole.As(&attributes); err != nil {
		return nil, err
	}
	name := ""
	for _, key := range []string{"name", "family", "function_name", "alarm_name"} {
		if value, is := attributes[key]; is && name == "" && value.IsKnown() && !value.IsNull() {
			_ = value.As(&name)
		}
	}
	for key, one := range attributes {
		if !b.Attributes[key].Computed || !one.IsNull() && one.IsKnown() {
			continue
		}
		if !one.Type().Is(tftypes.String) {
			attributes[key] = tftypes.NewValue(one.Type(), nil)
			continue
		}
		text, is := answers[key]
		if !is {
			text = fmt.Sprintf("<%s.%s.%s>", kind, name, key)
		}
		attributes[key] = tftypes.NewValue(tftypes.String, text)
	}
	made, err := tfprotov5.NewDynamicValue(of, tftypes.NewValue(of, attributes))
	return &made, err
}

// provider answers what validate and plan ask; the rest is not there.
type provider struct {
	tfprotov5.ProviderServer
	schemas
}

func (p provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	made := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range p.Resources {
		made.Resources = append(made.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range p.Data {
		made.DataSources = append(made.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return made, nil
}

func (p provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider: &tfprotov5.Schema{Block: p.Provider.schema()}, ResourceSchemas: all(p.Resources), DataSourceSchemas: all(p.Data),
	}, nil
}

func (p provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p provider) PrepareProviderConfig(_ context.Context, ask *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: ask.Config}, nil
}

func (p provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (p provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// ValidateResourceTypeConfig says what Terraform leaves to providers: that an attribute is only told, and cannot be set.
func (p provider) ValidateResourceTypeConfig(_ context.Context, ask *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	known := p.Resources[ask.TypeName]
	whole, err := ask.Config.Unmarshal(known.schema().ValueType())
	if err != nil {
		return nil, err
	}
	attributes := map[string]tftypes.Value{}
	if err := whole.As(&attributes); err != nil {
		return nil, err
	}
	told := &tfprotov5.ValidateResourceTypeConfigResponse{}
	for key, one := range known.Attributes {
		if one.Computed && !one.Optional && !attributes[key].IsNull() {
			told.Diagnostics = append(told.Diagnostics, &tfprotov5.Diagnostic{
				Severity: tfprotov5.DiagnosticSeverityError, Summary: "Value for unconfigurable attribute",
				Detail:    fmt.Sprintf("Can't configure a value for %q", key),
				Attribute: tftypes.NewAttributePath().WithAttributeName(key),
			})
		}
	}
	return told, nil
}

func (p provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p provider) PlanResourceChange(_ context.Context, ask *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	planned, err := p.Resources[ask.TypeName].filled(ask.TypeName, ask.ProposedNewState, nil)
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned, UnsafeToUseLegacyTypeSystem: true}, err
}

func (p provider) ReadDataSource(_ context.Context, ask *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	state, err := p.Data[ask.TypeName].filled(ask.TypeName, ask.Config, p.Answers[ask.TypeName])
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

func main() {
	var known schemas
	text, err := os.ReadFile(os.Getenv("TERRAFORM_SCHEMA"))
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		log.Fatal(err)
	}
	if err := tf5server.Serve("registry.terraform.io/hashicorp/aws", func() tfprotov5.ProviderServer { return provider{schemas: known} }); err != nil {
		log.Fatal(err)
	}
}
