package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"

	"mci.example/customers/shared/mci"
)

// tokenIssuer is whose tokens the API takes, and where the portal has people sign in and out.
type tokenIssuer struct{ url, audience, signOut *string }

// addIdentity makes the user pool that people sign in to, unless the operator has an issuer already.
func (s *system) addIdentity() {
	if s.Issuer != "" {
		s.issuer = tokenIssuer{str(s.Issuer), str(s.Audience), str("")} // its discovery says where to sign out
		return
	}
	pool := awscognito.NewCfnUserPool(s.stack, str("UserPool"), &awscognito.CfnUserPoolProps{
		UserPoolName:           str(s.name("")),
		UserPoolTier:           str("ESSENTIALS"),
		DeletionProtection:     str(map[Stage]string{Dev: "INACTIVE", Prod: "ACTIVE"}[s.Stage]),
		UsernameAttributes:     strs("email"),
		AutoVerifiedAttributes: strs("email"),
		// Only an administrator adds users: who could sign up could join any partner.
		AdminCreateUserConfig: &awscognito.CfnUserPool_AdminCreateUserConfigProperty{AllowAdminCreateUserOnly: yes},
		AccountRecoverySetting: &awscognito.CfnUserPool_AccountRecoverySettingProperty{
			RecoveryMechanisms: []any{&awscognito.CfnUserPool_RecoveryOptionProperty{
				Name: str("verified_email"), Priority: num(1),
			}},
		},
		Policies: &awscognito.CfnUserPool_PoliciesProperty{
			PasswordPolicy: &awscognito.CfnUserPool_PasswordPolicyProperty{
				MinimumLength: num(12), RequireLowercase: yes, RequireUppercase: yes, RequireNumbers: yes,
				RequireSymbols: yes, TemporaryPasswordValidityDays: num(3),
			},
		},
		MfaConfiguration: str(map[Stage]string{Dev: "OPTIONAL", Prod: "ON"}[s.Stage]),
		EnabledMfas:      strs("SOFTWARE_TOKEN_MFA"),
		Schema: []any{&awscognito.CfnUserPool_SchemaAttributeProperty{
			Name: str("partnerId"), AttributeDataType: str("String"), Mutable: no,
			StringAttributeConstraints: &awscognito.CfnUserPool_StringAttributeConstraintsProperty{
				MinLength: str("1"), MaxLength: str("120"),
			},
		}},
	})
	s.retain(pool)
	if s.Stage == Dev {
		accept(pool, "AwsSolutions-COG2",
			"whoever tries things out may do so without a second factor; production's users have one")
	}
	accept(pool, "AwsSolutions-COG3",
		"threat protection is a plan at a price for each user, which the operator may choose")
	for _, role := range mci.Roles {
		awscognito.NewCfnUserPoolGroup(s.stack, str(pascal(string(role))+"Group"), &awscognito.CfnUserPoolGroupProps{
			UserPoolId: pool.Ref(), GroupName: str(string(role)),
		})
	}
	signedIn, signedOut := strs(*s.publicURL()+"/portal/callback"), strs(*s.publicURL()+"/portal")
	if s.PortalOrigin != "" {
		*signedIn, *signedOut = append(*signedIn, str(s.PortalOrigin+"/")), append(*signedOut, str(s.PortalOrigin+"/"))
	}
	client := awscognito.NewCfnUserPoolClient(s.stack, str("PortalClient"), &awscognito.CfnUserPoolClientProps{
		UserPoolId: pool.Ref(),
		ClientName: str("portal"),
		// Authorization code with PKCE: a browser keeps no secret.
		GenerateSecret:                  no,
		AllowedOAuthFlowsUserPoolClient: yes,
		AllowedOAuthFlows:               strs("code"),
		AllowedOAuthScopes:              strs("openid", "email", "profile"),
		SupportedIdentityProviders:      strs("COGNITO"),
		CallbackUrLs:                    signedIn,
		LogoutUrLs:                      signedOut,
		ExplicitAuthFlows:               strs("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"),
		// The partner is read and never written: users cannot move themselves to another partner.
		ReadAttributes:             strs("email", "email_verified", "name", "locale", "custom:partnerId"),
		WriteAttributes:            strs("name", "locale"),
		PreventUserExistenceErrors: str("ENABLED"),
		EnableTokenRevocation:      yes,
		IdTokenValidity:            jsii.Number(1),
		AccessTokenValidity:        jsii.Number(1),
		RefreshTokenValidity:       jsii.Number(12),
		TokenValidityUnits: &awscognito.CfnUserPoolClient_TokenValidityUnitsProperty{
			IdToken: str("hours"), AccessToken: str("hours"), RefreshToken: str("hours"),
		},
	})
	domain := awscognito.NewCfnUserPoolDomain(s.stack, str("SignIn"), &awscognito.CfnUserPoolDomainProps{
		UserPoolId:          pool.Ref(),
		Domain:              str("mci-customers-" + string(s.Stage) + "-" + *s.stack.Account()),
		ManagedLoginVersion: num(2),
	})
	style := awscognito.NewCfnManagedLoginBranding(s.stack, str("SignInStyle"),
		&awscognito.CfnManagedLoginBrandingProps{
			UserPoolId: pool.Ref(), ClientId: client.Ref(), UseCognitoProvidedValues: yes,
		})
	style.AddResourceDependency(domain, nil)
	signIn := "https://" + *domain.Ref() + ".auth." + *s.stack.Region() + ".amazoncognito.com"
	s.issuer = tokenIssuer{
		url:      str("https://cognito-idp." + *s.stack.Region() + "." + *s.stack.UrlSuffix() + "/" + *pool.Ref()),
		audience: client.Ref(),
		signOut:  str(signIn + "/logout"),
	}
	s.output("UserPoolId", "The user pool, to add users to", pool.Ref())
	s.output("ClientId", "The portal's client ID", client.Ref())
	s.output("SignInUrl", "Where users sign in", str(signIn))
}
