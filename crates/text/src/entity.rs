//! The kinds of personal data that a finding can name.
//!
//! A closed list in one place: the label written into tags, files and reports is [`Entity::as_str`], and it is read
//! back by the same spelling, so a policy written today means the same tomorrow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Writes the enum, its labels and its lists from one table: an entity that were missing in one of them would be
/// found and never shown, or shown and never found.
macro_rules! entities {
    ($($(#[$doc:meta])* $variant:ident $label:ident $when:ident,)*) => {
        /// One kind of personal data or secret.
        ///
        /// The order of the variants breaks ties in [`crate::resolve`]: of two equally long, equally confident findings
        /// the later variant wins, so a secret beats the e-mail address inside it. Kinds that say little stand first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Entity {
            $($(#[$doc])* $variant,)*
        }

        impl Entity {
            /// Every entity, in tie order.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// Whether each entity of [`Self::ALL`] is looked for when nobody says otherwise.
            const BY_DEFAULT: [bool; Self::ALL.len()] = [$(is_default(stringify!($when))),*];

            /// The label used in tags, files and policies, such as `CREDIT_CARD`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($label),)*
                }
            }
        }
    };
}

const fn is_default(when: &str) -> bool {
    matches!(when.as_bytes(), b"default")
}

entities! {
    /// A URL, whole. Off unless asked for: links teach a model something and seldom name a person.
    Url URL opt_in,
    /// A handle such as `@name` or `u/name`.
    Username USERNAME opt_in,
    /// A UUID of RFC 9562, which may name a device or only a request.
    Uuid UUID opt_in,
    /// Any calendar date: what de-identification under HIPAA takes out.
    Date DATE opt_in,
    /// An age above 89, which HIPAA counts as identifying.
    AgeOver89 AGE_OVER_89 opt_in,
    /// A sentence such as "ignore all previous instructions", out of a short list in several languages.
    InstructionInjection INSTRUCTION_INJECTION opt_in,
    /// Characters without a width or a use: what is hidden from readers and not from models.
    InvisibleText INVISIBLE_TEXT default,
    /// A control token of chat models, written out: `<|im_start|>`, `[INST]`.
    ChatControl CHAT_CONTROL default,
    /// A postcode beside a word such as `address`.
    Postcode POSTCODE opt_in,
    /// An e-mail address, including the example domains of RFC 2606.
    Email EMAIL default,
    /// An e-mail address spelled to fool machines: `info [at] example [dot] org`.
    EmailObfuscated EMAIL_OBFUSCATED opt_in,
    /// A telephone number: international, national with separators, or bare digits beside a word such as `tel`.
    Phone PHONE default,
    /// An IPv4 address that can name a machine: not loopback, unspecified, multicast or reserved.
    Ipv4 IPV4 default,
    /// An IPv6 address that can name a machine.
    Ipv6 IPV6 default,
    /// The hardware address of one network card (IEEE 802).
    MacAddress MAC_ADDRESS default,
    /// The number of one mobile device (3GPP TS 23.003): Luhn.
    Imei IMEI default,
    /// The number of a mobile subscription (ITU-T E.212).
    Imsi IMSI opt_in,
    /// The number of a SIM card (ITU-T E.118).
    Iccid ICCID opt_in,
    /// Latitude and longitude to about ten metres or better.
    Coordinates COORDINATES default,
    /// The identification number of a vehicle (ISO 3779) with the check digit of 49 CFR 565.
    Vin VIN default,
    /// A registration plate of Germany, India or the United Kingdom beside a word that says so.
    LicencePlate LICENCE_PLATE opt_in,
    /// An account number beside a word that says so, or a British sort code.
    BankAccount BANK_ACCOUNT opt_in,
    /// A bank's code (ISO 9362) beside a word that says so.
    Bic BIC opt_in,
    /// A payment card number: Luhn and a known issuer prefix and length.
    CreditCard CREDIT_CARD default,
    /// An international bank account number: country length and mod 97.
    Iban IBAN default,
    /// A Bitcoin address: `Base58Check`, Bech32 or Bech32m.
    CryptoBtc CRYPTO_BTC default,
    /// An Ethereum address: EIP-55, or one case beside a word.
    CryptoEth CRYPTO_ETH default,
    /// An address of Litecoin, Dogecoin, Tron or the XRP Ledger: `Base58Check`.
    CryptoOther CRYPTO_OTHER opt_in,
    /// A United States social security number.
    UsSsn US_SSN default,
    /// A United States individual taxpayer number (IRS).
    UsItin US_ITIN default,
    /// A United States employer number (IRS).
    UsEin US_EIN default,
    /// A United States bank routing number (ABA).
    UsRouting US_ROUTING default,
    /// A United States health care provider's number (CMS).
    UsNpi US_NPI default,
    /// A United States prescriber's number (DEA).
    UsDea US_DEA default,
    /// A United States Medicare beneficiary's number (CMS).
    UsMbi US_MBI default,
    /// A United States passport number beside a word that says so.
    UsPassport US_PASSPORT opt_in,
    /// A United States driver's licence number beside a word that says so.
    UsDriverLicense US_DRIVER_LICENSE opt_in,
    /// The number of a medical record or an insured person beside a word that says so.
    MedicalRecord MEDICAL_RECORD opt_in,
    /// A British National Health Service number: mod 11.
    UkNhs UK_NHS default,
    /// A British National Insurance number (HMRC, NIM39110).
    UkNino UK_NINO default,
    /// A British driving licence number (DVLA).
    UkDrivingLicence UK_DRIVING_LICENCE default,
    /// A British unique taxpayer reference: mod 11.
    UkUtr UK_UTR opt_in,
    /// A British passport number beside a word that says so.
    UkPassport UK_PASSPORT opt_in,
    /// An Irish personal public service number: mod 23.
    IePps IE_PPS default,
    /// A Canadian social insurance number: Luhn.
    CaSin CA_SIN default,
    /// An Australian tax file number: mod 11.
    AuTfn AU_TFN default,
    /// An Australian Medicare card number: mod 10.
    AuMedicare AU_MEDICARE default,
    /// An Australian business number: mod 89.
    AuAbn AU_ABN opt_in,
    /// An Australian company number: mod 10.
    AuAcn AU_ACN opt_in,
    /// A New Zealand tax number: mod 11.
    NzIrd NZ_IRD opt_in,
    /// A German tax identification number: ISO 7064 mod 11,10.
    DeTaxId DE_TAX_ID default,
    /// A German pension insurance number.
    DeRvnr DE_RVNR default,
    /// A German health insurance number.
    DeKvnr DE_KVNR default,
    /// A German identity card or passport number: 7-3-1.
    DeIdCard DE_ID_CARD opt_in,
    /// An Austrian social insurance number: mod 11.
    AtSvnr AT_SVNR default,
    /// A Swiss social insurance number: EAN-13.
    ChAhv CH_AHV default,
    /// A French social security number: mod 97.
    FrNir FR_NIR default,
    /// A Spanish tax number of a person, DNI or NIE: mod 23.
    EsNif ES_NIF default,
    /// A Portuguese tax number: mod 11.
    PtNif PT_NIF default,
    /// An Italian tax code: mod 26.
    ItCf IT_CF default,
    /// A Dutch citizen service number: the eleven test.
    NlBsn NL_BSN default,
    /// A Belgian national number: mod 97.
    BeNn BE_NN default,
    /// A Polish population register number: mod 10 and a date.
    PlPesel PL_PESEL default,
    /// A Polish tax number: mod 11.
    PlNip PL_NIP opt_in,
    /// A Czech or Slovak birth number: a date and divisibility by 11.
    CzRc CZ_RC default,
    /// A Swedish personal number: Luhn and a date.
    SePersonnummer SE_PERSONNUMMER default,
    /// A Finnish personal identity code: mod 31 and a date.
    FiHetu FI_HETU default,
    /// A Norwegian birth number: two mod 11 digits and a date.
    NoFnr NO_FNR default,
    /// A Danish personal number: a date.
    DkCpr DK_CPR default,
    /// An Estonian personal code: mod 11 and a date.
    EeIk EE_IK default,
    /// A Lithuanian personal code: mod 11 and a date.
    LtAk LT_AK default,
    /// A Latvian personal code: mod 11 and a date, or the form since 2017.
    LvPk LV_PK default,
    /// A Greek social security number: Luhn and a date.
    GrAmka GR_AMKA default,
    /// A Romanian personal number: mod 11 and a date.
    RoCnp RO_CNP default,
    /// A Bulgarian personal number: mod 11 and a date.
    BgEgn BG_EGN default,
    /// A Croatian personal number: ISO 7064 mod 11,10.
    HrOib HR_OIB default,
    /// A value added tax number of a member of the European Union.
    EuVat EU_VAT opt_in,
    /// A Turkish identity number: two check digits.
    TrTckn TR_TCKN default,
    /// An Israeli identity number: Luhn.
    IlId IL_ID default,
    /// A Russian pension insurance number: mod 101.
    RuSnils RU_SNILS default,
    /// A Russian tax number: mod 11.
    RuInn RU_INN default,
    /// A South African identity number: Luhn and a date.
    ZaId ZA_ID default,
    /// A Nigerian identity number: Verhoeff.
    NgNin NG_NIN default,
    /// A Brazilian taxpayer number of a person: two mod 11 digits.
    BrCpf BR_CPF default,
    /// A Brazilian taxpayer number of a company: two mod 11 digits.
    BrCnpj BR_CNPJ opt_in,
    /// A Mexican population register code: mod 10 and a date.
    MxCurp MX_CURP default,
    /// A Mexican tax code: mod 11 and a date.
    MxRfc MX_RFC default,
    /// An Argentine tax number: mod 11.
    ArCuit AR_CUIT default,
    /// A Chilean tax number: mod 11.
    ClRut CL_RUT default,
    /// A Colombian tax number: mod 11.
    CoNit CO_NIT default,
    /// A Chinese resident identity card number: ISO 7064 mod 11-2, a date and a province.
    CnRic CN_RIC default,
    /// A South Korean registration number of a resident or a foreigner.
    KrRrn KR_RRN default,
    /// A Japanese individual number: mod 11.
    JpMyNumber JP_MY_NUMBER default,
    /// A Singaporean identity number of a resident or a foreigner: mod 11.
    SgNric SG_NRIC default,
    /// A Hong Kong identity card number: mod 11.
    HkId HK_ID default,
    /// A Taiwanese identity number: mod 10.
    TwId TW_ID default,
    /// A Malaysian identity card number: a date and a place.
    MyNric MY_NRIC default,
    /// A Thai identity number: mod 11.
    ThId TH_ID default,
    /// An Indonesian identity number: a province and a date.
    IdNik ID_NIK default,
    /// An Indian Aadhaar number: Verhoeff.
    InAadhaar IN_AADHAAR default,
    /// An Indian permanent account number.
    InPan IN_PAN default,
    /// An Indian goods and services tax number: mod 36.
    InGstin IN_GSTIN opt_in,
    /// An Indian voter's card number beside a word that says so.
    InVoterId IN_VOTER_ID opt_in,
    /// An Indian payment address such as `info@okaxis`.
    InUpi IN_UPI opt_in,
    /// The machine-readable lines of a travel document (ICAO 9303).
    PassportMrz PASSPORT_MRZ default,
    /// A date beside a word such as `born`.
    DateOfBirth DATE_OF_BIRTH default,
    /// A one-time code beside a word that says so.
    Otp OTP default,
    /// The `user:password` part of a URL.
    UrlCredentials URL_CREDENTIALS default,
    /// An API token, a private key, a webhook or an assigned password.
    Secret SECRET default,
    /// Whatever a [`crate::CustomRule`] describes.
    Custom CUSTOM default,
}

impl Entity {
    /// The entities to look for when nobody says otherwise, in tie order.
    ///
    /// Left out is what names a company, what names nobody by itself, and what no check digit and no grammar tells
    /// from any other number.
    pub const DEFAULT: [Self; count_default()] = {
        let mut chosen = [Self::Custom; count_default()];
        let (mut from, mut to) = (0, 0);
        while from < Self::ALL.len() {
            if Self::BY_DEFAULT[from] {
                chosen[to] = Self::ALL[from];
                to += 1;
            }
            from += 1;
        }
        chosen
    };
}

impl Entity {
    /// Whether it is no personal data but something that only models read, for [`crate::Operator::Neutralise`].
    pub const fn is_for_models(self) -> bool {
        matches!(self, Self::InvisibleText | Self::ChatControl)
    }
}

const fn count_default() -> usize {
    let (mut at, mut count) = (0, 0);
    while at < Entity::ALL.len() {
        count += Entity::BY_DEFAULT[at] as usize;
        at += 1;
    }
    count
}

impl fmt::Display for Entity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Entity {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|entity| entity.as_str() == name)
            .ok_or_else(|| Error::UnknownEntity { name: name.to_owned() })
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Entity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
