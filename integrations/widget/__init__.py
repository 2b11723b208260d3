"""The storefront widget: what shoppers see of the programme, inside the shop's own pages."""
