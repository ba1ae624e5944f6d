//! Who may do what for a tenant: the table role × action, for code, documentation and tests alike.

use onsale_schemas::MemberRole;

/// What a member of a tenant may be allowed to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    /// Who belongs to the tenant, and as what.
    ManageMembers,
    /// Its name, looks, contact and terms.
    ManageTenant,
    /// Keys of programs that act for it, and where it is notified.
    ManageIntegrations,
    /// Create keys of payment services, which confirm bookings without a payment being looked at here.
    CreatePaymentKeys,
    /// Create, change and publish events, shows, maps, prices and codes.
    ManageEvents,
    /// Open, close and cancel sales, and block places.
    ManageSales,
    /// Numbers of what is sold.
    ReadSales,
    /// Bookings with the names behind them.
    ReadBookings,
    /// Cancel a booking, or sell at the counter.
    ServeBuyers,
    /// Payments, ledger and statements.
    ReadPayments,
    /// Approve or refuse refunds.
    ApproveRefunds,
    /// Check tickets at the door.
    CheckIn,
    /// Who did what.
    ReadAudit,
}

impl Action {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 13] = [
        Self::ManageMembers,
        Self::ManageTenant,
        Self::ManageIntegrations,
        Self::CreatePaymentKeys,
        Self::ManageEvents,
        Self::ManageSales,
        Self::ReadSales,
        Self::ReadBookings,
        Self::ServeBuyers,
        Self::ReadPayments,
        Self::ApproveRefunds,
        Self::CheckIn,
        Self::ReadAudit,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ManageMembers => "manage_members",
            Self::ManageTenant => "manage_tenant",
            Self::ManageIntegrations => "manage_integrations",
            Self::CreatePaymentKeys => "create_payment_keys",
            Self::ManageEvents => "manage_events",
            Self::ManageSales => "manage_sales",
            Self::ReadSales => "read_sales",
            Self::ReadBookings => "read_bookings",
            Self::ServeBuyers => "serve_buyers",
            Self::ReadPayments => "read_payments",
            Self::ApproveRefunds => "approve_refunds",
            Self::CheckIn => "check_in",
            Self::ReadAudit => "read_audit",
        }
    }

    /// The action of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// Whether programs may be allowed to do it. Who belongs to a tenant and which keys it has is for people
    /// alone: a key that leaked could make others.
    pub fn is_for_programs(self) -> bool {
        !matches!(
            self,
            Self::ManageMembers
                | Self::ManageTenant
                | Self::ManageIntegrations
                | Self::CreatePaymentKeys
        )
    }

    /// Which members may do it.
    pub fn allowed(self) -> &'static [MemberRole] {
        use MemberRole::{BoxOffice, Finance, Manager, Owner, Scanner};
        match self {
            Self::ManageMembers | Self::CreatePaymentKeys => &[Owner],
            Self::ManageTenant
            | Self::ManageIntegrations
            | Self::ManageEvents
            | Self::ManageSales
            | Self::ReadAudit => &[Owner, Manager],
            Self::ReadSales => &[Owner, Manager, Finance, BoxOffice],
            Self::ReadBookings | Self::ServeBuyers => &[Owner, Manager, BoxOffice],
            Self::ReadPayments | Self::ApproveRefunds => &[Owner, Manager, Finance],
            Self::CheckIn => &[Owner, Manager, BoxOffice, Scanner],
        }
    }
}

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Actions(u16);

impl Actions {
    /// With one more.
    #[must_use]
    pub fn with(self, action: Action) -> Self {
        Self(self.0 | 1 << action as u16)
    }

    /// Whether an action is among them.
    pub fn contains(self, action: Action) -> bool {
        self.0 & 1 << action as u16 != 0
    }
}

/// Whether a member of this role may do this for its tenant.
pub fn may(role: MemberRole, action: Action) -> bool {
    action.allowed().contains(&role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_reviewed_one() {
        let table: Vec<String> = Action::ALL
            .into_iter()
            .map(|action| {
                let marks = MemberRole::ALL.map(|role| if may(role, action) { 'x' } else { '.' });
                format!("{} {action:?}", marks.iter().collect::<String>())
            })
            .collect();
        // Owner, manager, finance, box office, scanner.
        assert_eq!(
            table,
            [
                "x.... ManageMembers",
                "xx... ManageTenant",
                "xx... ManageIntegrations",
                "x.... CreatePaymentKeys",
                "xx... ManageEvents",
                "xx... ManageSales",
                "xxxx. ReadSales",
                "xx.x. ReadBookings",
                "xx.x. ServeBuyers",
                "xxx.. ReadPayments",
                "xxx.. ApproveRefunds",
                "xx.xx CheckIn",
                "xx... ReadAudit",
            ]
        );
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let page = include_str!("../README.md");
        for action in Action::ALL {
            // `ManageMembers` is called "Manage members" there.
            let mut words = String::new();
            for (at, letter) in format!("{action:?}").char_indices() {
                if at > 0 && letter.is_uppercase() {
                    words.push(' ');
                }
                let is_first = at == 0;
                words.push(if is_first {
                    letter
                } else {
                    letter.to_ascii_lowercase()
                });
            }
            let marks = MemberRole::ALL.map(|role| if may(role, action) { " ✓ |" } else { " |" });
            let row = format!("\n| {words} |{}\n", marks.concat());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn an_owner_may_do_everything() {
        assert!(
            Action::ALL
                .into_iter()
                .all(|action| may(MemberRole::Owner, action))
        );
    }
}
