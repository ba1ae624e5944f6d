//! Orders: what quotes ask of all of a show, and the places of bookings by zone.

use onsale_schemas::{CodeHash, ShowId, UserId};

use super::Store;
use crate::error::StoreError;

impl Store {
    /// Live places of a show by the price phase that gave their price, ascending; phases without any are left
    /// out. By an index, however many orders there are.
    ///
    /// # Errors
    /// As every read.
    pub async fn phase_counts(&self, show: ShowId) -> Result<Vec<(u8, u64)>, StoreError> {
        self.database
            .fetch(
                "SELECT phase, CAST(SUM(places) AS bigint) AS places FROM order_phases \
                 WHERE show_id = $1 GROUP BY phase ORDER BY phase",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| Ok((row.number("phase")?, row.number("places")?)))
            .collect()
    }

    /// Live bookings of a show that carry a code, and how many of them are the user's. As to the machine, a code
    /// that ended and was created again is another one, which the bookings from before do not use.
    ///
    /// # Errors
    /// As every read.
    pub async fn code_uses(
        &self,
        show: ShowId,
        code: CodeHash,
        user: Option<UserId>,
    ) -> Result<(u32, u32), StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT (SELECT COUNT(*) FROM order_codes WHERE show_id = $1 AND code = $2 \
                 AND booking_offset > COALESCE((SELECT created_offset FROM codes \
                 WHERE code_hash = $2), -1)) AS uses, \
                 (SELECT COUNT(*) FROM bookings WHERE user_id = $3 AND show_id = $1 \
                 AND order_code = $2 AND status IN ('reserved', 'confirmed') \
                 AND booking_offset > COALESCE((SELECT created_offset FROM codes \
                 WHERE code_hash = $2), -1)) AS of_user",
                &[show.0.into(), code.0.into(), user.map(|user| user.0).into()],
            )
            .await?;
        row.map_or(Ok((0, 0)), |row| {
            Ok((row.number("uses")?, row.number("of_user")?))
        })
    }
}

/// Zone, status and number (`places`) of the live places of show `$1`, grouped: a plain booking has all in its
/// zone, an order has them in those of its lines.
macro_rules! booked_places {
    (Postgres) => {
        $crate::store::orders::booked_places!(
            @ "CAST(line ->> 'zone' AS integer)",
            "CAST(line ->> 'quantity' AS integer)",
            "jsonb_array_elements(order_lines)"
        )
    };
    (Sqlite) => {
        $crate::store::orders::booked_places!(
            @ "line.value ->> 'zone'",
            "line.value ->> 'quantity'",
            "json_each(order_lines)"
        )
    };
    (@ $zone:literal, $quantity:literal, $lines:literal) => {
        concat!(
            "SELECT zone, status, CAST(SUM(quantity) AS bigint) AS places FROM \
             (SELECT zone, status, quantity FROM bookings WHERE show_id = $1 \
             AND status IN ('reserved', 'confirmed') AND order_lines IS NULL \
             UNION ALL SELECT ",
            $zone,
            ", status, ",
            $quantity,
            " FROM bookings CROSS JOIN ",
            $lines,
            " AS line WHERE show_id = $1 AND status IN ('reserved', 'confirmed') \
             AND order_lines IS NOT NULL) AS booked GROUP BY zone, status"
        )
    };
}
pub(super) use booked_places;
